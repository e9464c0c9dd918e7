"""Dimensions are counted as a person would count them."""

from __future__ import annotations

import pytest
import torch

from bench.dimensions import dimensions


@pytest.mark.parametrize("filled", [1, 3, 16])
def test_vectors_fill_the_dimensions_that_they_vary_in(filled: int) -> None:
    rng = torch.Generator().manual_seed(filled)
    turned = torch.linalg.qr(torch.randn(16, 16, generator=rng))[0]
    vectors = torch.zeros(4000, 16)
    vectors[:, :filled] = torch.randn(4000, filled, generator=rng)
    assert dimensions(vectors @ turned + 5) == pytest.approx(filled, rel=0.02)


def test_a_dimension_that_hardly_varies_hardly_counts() -> None:
    vectors = torch.randn(4000, 2, generator=torch.Generator().manual_seed(1))
    assert 1 < dimensions(vectors * torch.tensor([1.0, 0.1])) < 1.2
