"""Discord's own description of its HTTP API, held against what the bot and the stand-in send.

``openapi.json`` has the operations that the stand-in answers and the schemas that they need, as
``cut.py`` takes them from https://github.com/discord/discord-api-spec (MIT, see ``LICENSE``).
"""
