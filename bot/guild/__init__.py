"""A server's settings: their kinds, storage and transfer."""
