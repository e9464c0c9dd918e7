"""Tests of the stand-in for Discord that need no bot."""
