"""The paper's figures with the included model: ``python -m bench.paper`` (bench.paper.__main__).

``plan`` says which pictures a figure has, ``painting`` paints and keeps them, ``scores`` and
``edit_scores`` judge them, ``sheets`` lays them out, ``tables`` writes their figures as tables.
"""
