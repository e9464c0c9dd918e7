"""The corpus that the natural text tower learns from: sentences and what they mean."""
