"""Iterations that are recorded once and replayed: on a GPU, as CUDA graphs.

An iteration of the published models starts some 1,500 kernels, which takes the host longer than the
GPU takes to run small ones. A graph starts them all at once. It repeats the same operations on the
same memory, so an iteration has to be a function of fixed buffers alone:

- ``keys.py``: what paintings must have in common to share a recording, and what cannot be recorded;
- ``slots.py``: the buffers, into which each iteration's tensors and numbers are copied;
- ``stand_in.py``: a painting whose tensors and numbers are those buffers, for the same operations
  (engine.painting.measuring, engine.painting.updating) as a painting itself;
- ``cache.py``: the recordings of a device, when they are made, and how each proves itself;
- ``cuda.py`` records on a GPU; ``registry.py`` says which devices record, and turns it off.

Paintings themselves are never recorded. So whatever fails here, they go on as without it.
"""
