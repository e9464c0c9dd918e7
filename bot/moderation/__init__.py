"""What moderators do: the log of it, and work in the background."""
