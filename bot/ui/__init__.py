"""Buttons, modals, options and the command tree."""
