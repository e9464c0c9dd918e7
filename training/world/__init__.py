"""The drawn world: scenes, their captions and their pictures. Needs no data but a seed."""
