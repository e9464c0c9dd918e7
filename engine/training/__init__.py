"""How the embedded models were made, so that anyone can make them again.

``python -m engine.training --help`` lists the stages. Nothing outside this folder
imports it: painting needs none of it.
"""
