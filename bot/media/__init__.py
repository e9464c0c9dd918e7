"""Attachments, starting pictures and resized pictures."""
