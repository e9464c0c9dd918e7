"""The kinds of generators, one file each; see engine.models.kinds."""
