"""Buttons, modals, autocompletion and the command tree."""
