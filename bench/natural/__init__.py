"""Natural pictures: held-out prompts, the judge that never guides, and the figures.

The judge is EfficientNet-Lite2 from the packages of the extra ``bench``; the perceptor that guides
was made from another network. The command is ``python -m bench.fidelity --kind natural``.
"""
