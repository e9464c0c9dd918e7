"""Where the time of an iteration goes: the engine's and the published loop's, part by part.

- ``weights.py`` writes random weights in the published layout, and loads them for both;
- ``subjects.py`` makes the two loops; ``alternate.py`` times one against the other;
- ``parts.py`` splits an iteration; ``peak.py`` measures what the machine could do;
- ``memory.py`` measures a loop's memory in a process of its own (``apart.py``);
- ``machine.py`` names the machine;
- ``full.py`` and ``embedded.py`` are the two parts of ``bench.speed``, ``startup.py`` measures a
  command's start, and ``gpu_sections.py`` has the sections of ``bench.gpu``.
"""
