"""Defaults that more than one package needs."""

DEFAULT_MODEL = "natural"
"""The model of a request that names none; see engine/models/catalogue.toml."""
