"""Helpers that several measurements share."""
