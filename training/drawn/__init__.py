"""The commands that make the `drawn` models: ``python -m training.drawn --help``."""
