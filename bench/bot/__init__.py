"""The bot under test: its process with a supervisor, and the check for blocked words."""
