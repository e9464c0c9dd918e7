"""Kernels for GPUs that do in one pass what PyTorch does in dozens, in Triton.

What is small next to the networks' products moves much memory all the same: of an iteration of
f16-16384 with ViT-B/32, augmenting the cutouts and drawing their noise a third
(docs/performance.md). PyTorch's builds for GPUs bring Triton along.

- ``choosing.py`` decides between a kernel and PyTorch's operations, which stay the definition of
  what is right;
- ``normal_numbers.py``: the noise, from counters to normal numbers;
- ``warp_gradient.py``: the gradient of cutouts that were sampled at other places;
- ``colours.py``: the changes of colour, the noise and the clamp, and their gradient;
- ``group_norm.py``: the decoder's normalisation with its SiLU, and its gradient.

The last four import Triton, so nothing but a kernel's caller imports them.
"""
