"""Painting on a Ray cluster: whether machines may be lost, and what Ray costs. Needs ``ray``."""
