"""What pictures look like, apart from what they show: their style, and their light and weather."""
