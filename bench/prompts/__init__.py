"""Held-out prompts, fixed before the first figure was taken."""
