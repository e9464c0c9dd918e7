"""The kinds of perceptors, one file each; see engine.models.kinds."""
