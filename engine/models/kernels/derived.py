"""What is computed from a frozen weight, and kept."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor


class Derived:
    """``compute`` of a weight, computed again only if the weight was changed or moved."""

    def __init__(self, compute: Callable[[Tensor], Tensor]) -> None:
        self._compute = compute
        self._made: tuple[tuple[object, ...], Tensor] | None = None

    def of(self, weight: Tensor) -> Tensor:
        """What ``compute`` gives for ``weight``."""
        if self._made is None or self._made[0] != _key(weight):
            self._made = _key(weight), self._compute(weight.detach())
        return self._made[1]

    def is_made(self, weight: Tensor) -> bool:
        """Whether :meth:`of` would compute nothing."""
        return self._made is not None and self._made[0] == _key(weight)


def _key(weight: Tensor) -> tuple[object, ...]:
    return weight.data_ptr(), weight._version, weight.dtype, weight.device
