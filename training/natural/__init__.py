"""The commands that make the `natural` models: ``python -m training.natural --help``."""
