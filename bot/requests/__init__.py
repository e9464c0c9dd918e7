"""From an interaction or a message to a queued job: who can ask for what, and where."""
