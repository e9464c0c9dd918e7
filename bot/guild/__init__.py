"""A server's settings: their definitions, kinds, storage and transfer."""
