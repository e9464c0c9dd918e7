"""Attachments, source pictures and resized pictures."""
