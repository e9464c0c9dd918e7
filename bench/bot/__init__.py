"""The bot: its process under a supervisor, for ``bench.chaos`` and ``bench.soak``."""
