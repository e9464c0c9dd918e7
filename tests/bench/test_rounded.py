"""bf16 without the processor's instructions: exact products, rounded once."""

import pytest
import torch
from torch.nn import functional as F

from bench.common import rounded


def numbers(*shape):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(len(shape)))
    return x.to(torch.bfloat16)


@pytest.fixture
def emulating(monkeypatch):
    monkeypatch.setattr(rounded, "bf16_is_fast", lambda device: False)


PRODUCTS = {
    "mm": lambda cast: cast(numbers(5, 70)) @ cast(numbers(5, 70)).t(),
    "bmm": lambda cast: cast(numbers(2, 5, 70)) @ cast(numbers(2, 5, 70)).mT,
    "addmm": lambda cast: F.linear(cast(numbers(5, 70)), cast(numbers(5, 70)), cast(numbers(5))),
    "convolution": lambda cast: F.conv2d(cast(numbers(1, 9, 8, 8)), cast(numbers(9, 9, 3, 3))),
    "transposed": lambda cast: F.conv_transpose2d(
        cast(numbers(1, 9, 8, 8)), cast(numbers(9, 9, 3, 3))
    ),
}


@pytest.mark.parametrize("product", PRODUCTS.values(), ids=PRODUCTS)
def test_the_result_is_float32s_rounded_once(emulating, product):
    exact = product(lambda x: x.float())
    with rounded.products_of_bf16("cpu"):
        ours = product(lambda x: x)
    assert torch.equal(ours, exact.to(torch.bfloat16))


def test_it_writes_where_it_is_told_and_leaves_float32_alone(emulating):
    a, b = numbers(2, 5, 70), numbers(2, 70, 5)
    with rounded.products_of_bf16("cpu"):
        there = torch.bmm(a, b, out=torch.empty(2, 5, 5, dtype=torch.bfloat16))
        wide = torch.bmm(a.float(), b.float())
    assert torch.equal(there, (a.float() @ b.float()).to(torch.bfloat16))
    assert wide.dtype == torch.float32


def test_gradients_are_computed_like_that_too(emulating):
    x = numbers(5, 70).requires_grad_()
    weight = numbers(3, 70)
    with rounded.products_of_bf16("cpu"):
        F.linear(x, weight).sum().backward()
    exact = (torch.ones(5, 3) @ weight.float()).to(torch.bfloat16)
    assert torch.equal(x.grad, exact)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_device_with_instructions_keeps_its_own_way(monkeypatch, device):
    monkeypatch.setattr(rounded, "bf16_is_fast", lambda device: True)
    monkeypatch.setattr(rounded, "_InFloat32", None)
    with rounded.products_of_bf16(device):
        assert numbers(5, 70).dtype == torch.bfloat16
