"""The commands imagine and imagine-models."""
