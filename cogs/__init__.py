"""One file for each thing a person does in Discord; loaded by name as discord.py extensions."""
