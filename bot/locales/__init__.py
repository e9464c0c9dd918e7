"""The catalogues of what the bot says: LANGUAGE/LC_MESSAGES/bot.po for people, bot.mo for gettext.

``make texts`` (``python -m bot.locales.update``) brings them up to date with the code. For another
language add its code, as Discord has it, to bot.language.LANGUAGES, run that, and translate what it
lists as lacking in the new bot.po, keeping the {names}; then run it again.
"""
