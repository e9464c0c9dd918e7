"""How the `natural` generator was made: the shipped VQGAN, grown and trained on natural pictures.

``python -m training.generator --help`` lists the commands. Nothing outside this folder imports it.
"""
