"""Tests of the bot's buttons and messages, and what they are made of."""
