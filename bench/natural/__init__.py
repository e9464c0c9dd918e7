"""Natural pictures: held-out prompts, the judge that never guides, and their figures.

The judge is EfficientNet-Lite2, from the packages of the extra ``bench``; the perceptor that guides
is made from another network. ``python -m bench.fidelity --kind natural`` is the entry.
"""
