"""Random numbers that are a function of the seed, the iteration and what they are for.

There is no state to save, to restore or to draw in order: Philox (Salmon et al. 2011) turns a
counter and a key into random words, and each number has a counter of its own. So a job's numbers
depend neither on other jobs nor on which other numbers are drawn, a new kind of draw changes none
of the others, and a device makes the numbers that it needs itself.

- ``streams.py`` names what numbers are drawn for;
- ``philox.py`` is the function from counters and keys to words;
- ``elements.py`` says which words an element of a draw is made of, and how;
- ``on_cpu.py`` and ``on_device.py`` do that, fast on a CPU (numpy) and on any device (PyTorch);
- ``draws.py`` has the numbers of a job's iteration, or of several jobs.

Integers and uniform numbers are bit-equal on all devices by construction, as all operations are on
integers or exact. Normal numbers are, too: their logarithms and cosines come from tables.
"""

from engine.random_numbers.draws import Draws, DrawsOnDevice
from engine.random_numbers.streams import SCHEME, Stream

__all__ = ["SCHEME", "Draws", "DrawsOnDevice", "Stream"]
