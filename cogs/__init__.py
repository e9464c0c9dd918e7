"""One file per Discord feature, each loaded by name as a discord.py extension."""
