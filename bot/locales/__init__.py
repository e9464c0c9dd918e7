"""The catalogues: LANGUAGE/LC_MESSAGES/bot.po for translators, bot.mo for gettext.

``make texts`` (``python -m bot.locales.update``) updates them from the code. To add a language, add
its Discord code to bot.language.LANGUAGES, run the command, translate the texts in the new bot.po
that it lists (keep the {names}), and run it again.
"""
