"""Measurements: quality, speed, memory, load and faults. Each is a command with ``--help``.

Of the pictures:

- ``bench.fidelity``: whether pictures match their prompts;
- ``bench.edit``, ``bench.masks``: whether edits do what they say; how CLIP's masks are best made;
- ``bench.paper``: the paper's figures, and what each augmentation does;
- ``bench.sheet``, ``bench.contact``, ``bench.curves``: the pictures of the README and the docs.

Of the program:

- ``bench.speed``: seconds and memory of one picture, and of an iteration at full size next to the
  published loop (``bench.reference``);
- ``bench.gpu`` (``bench/gpu.sh``): the same on a GPU, with correctness and bit-equality;
- ``bench.random_numbers``: random numbers next to PyTorch's;
- ``bench.memory``: the memory of an iteration, measured and planned;
- ``bench.perceptors``: the same with other perceptors, and their speed next to OpenCLIP's;
- ``bench.load``, ``bench.soak``, ``bench.chaos``: many people, many jobs, many faults.

``bench/drawn`` and ``bench/natural`` hold what these need for the two models, ``bench/bot`` for the
bot, ``bench/timing`` for speed, ``bench/prompts`` the held-out prompts, ``bench/common`` what
several share.
"""
