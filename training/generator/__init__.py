"""How the two VQGANs were made: `drawn` from nothing, `natural` by growing `drawn`.

``python -m training.generator --help`` lists the commands for `natural`.
"""
