"""The architectures of the two generators, in taming's terms."""

from __future__ import annotations

from typing import Any

# Tokens of 8 x 8 px: one code cannot tell a pair of colours and the edge between them on 16 x 16
# px (at equal time an L1 of 0.15 against 0.10), and few channels are enough for flat colours.
DRAWN_DDCONFIG: dict[str, Any] = {
    "double_z": False,
    "z_channels": 64,
    "resolution": 128,
    "in_channels": 3,
    "out_ch": 3,
    "ch": 16,
    "ch_mult": [1, 2, 2, 6],
    "num_res_blocks": 1,
    "attn_resolutions": [16],
    "dropout": 0.0,
    "norm_groups": 4,
}
# The same with twice the channels at the two lowest resolutions, where they cost least: 256 x 256
# px are decoded in 0.04 s, and forward and backward take 0.10 s, in bf16 on two threads; in float32
# 0.08 s and 0.19 s.
NATURAL_DDCONFIG: dict[str, Any] = {**DRAWN_DDCONFIG, "ch_mult": [1, 2, 4, 12]}

DRAWN_CODES, NATURAL_CODES = 2048, 4096
CODE_WIDTH = 64
