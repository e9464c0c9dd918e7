"""How the threads of a product or a convolution wait for each other."""

from __future__ import annotations

from collections.abc import MutableMapping

_CHOICES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
# A thread that sleeps at once has to be woken hundreds of times an iteration, and one that spins
# for milliseconds takes the processor from other programs. So it looks this many times, for some
# microseconds, and then sleeps (docs/performance.md, "How threads wait").
_LOOKS = "1000"


def set_waiting(environment: MutableMapping[str, str]) -> None:
    """Set it in the ``environment`` of a process that has not imported torch yet.

    What the host has chosen there stays. GNU's runtime, which PyTorch has on Linux, takes the
    number; others take the policy.
    """
    if not any(name in environment for name in _CHOICES):
        environment["OMP_WAIT_POLICY"] = "PASSIVE"
        environment["GOMP_SPINCOUNT"] = _LOOKS
