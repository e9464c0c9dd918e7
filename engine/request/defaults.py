"""Names that more than one part takes as its default."""

DEFAULT_MODEL = "natural"
"""The model that paints when nobody names one; see engine/models/catalogue.toml."""
