"""The process that owns one device and paints there, and how to talk to it."""
