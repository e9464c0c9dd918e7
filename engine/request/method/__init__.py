"""How a painting is optimised, as people choose it: losses, augmentations, the optimiser.

``fields.py`` has the fields of a request, the other modules read their values. Nothing here
imports torch.
"""
