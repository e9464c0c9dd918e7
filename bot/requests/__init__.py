"""From an interaction or a message to a queued job: who may ask for what, and where."""
