"""The picture towers' operations against PyTorch's own, in values and gradients."""

import pytest
import torch
from torch.nn import functional as F

from engine.models.kernels import heads as heads_module
from engine.models.kernels.heads import attend_with_heads
from engine.models.kernels.inverted_residual import InvertedResidual, inverted_residual, padding
from engine.models.kernels.linear import linear
from engine.models.kernels.perceptron import perceptron


def numbers(*shape, seed=1, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def gradients(compute, x):
    """The value of ``compute`` at ``x``, and the gradient of its product with fixed numbers."""
    x = x.clone().requires_grad_()
    value = compute(x)
    (value * numbers(*value.shape, seed=9, dtype=value.dtype)).sum().backward()
    return value.detach(), x.grad


def plain_attention(qkv, heads):
    q, k, v = qkv.unflatten(2, (3, heads, -1)).permute(2, 0, 3, 1, 4)
    scores = q @ k.transpose(2, 3) / q.shape[-1] ** 0.5
    return (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)


@pytest.mark.parametrize(
    ("count", "length", "heads", "width"),
    [(3, 5, 2, 8), (2, 9, 3, 4), (1, 1, 1, 4), (2, 6, 1, 6), (1, 7, 4, 7)],
    ids=["kept", "computed again", "one token", "one head", "as many as numbers"],
)
@pytest.mark.parametrize("part", [1, 1 << 21])
def test_attention_and_its_gradient_are_those_of_the_formula(
    count, length, heads, width, part, monkeypatch
):
    monkeypatch.setattr(heads_module, "_PART", part * length**2)
    qkv = numbers(count, length, 3 * heads * width)
    before = qkv.clone()
    ours = gradients(lambda x: attend_with_heads(x, heads), qkv)
    theirs = gradients(lambda x: plain_attention(x, heads), qkv)
    torch.testing.assert_close(ours, theirs)
    assert torch.equal(qkv, before)


def test_attention_keeps_no_matrix_of_all_pairs_of_a_long_sequence():
    kept = []

    def keep(tensor):
        kept.append(tensor.numel())
        return tensor

    qkv = numbers(2, 40, 3 * 8).requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        attend_with_heads(qkv, 2)
    assert sum(kept) == qkv.numel()


@pytest.mark.parametrize("gelu", ["none", "tanh", "quick"])
def test_a_perceptron_is_two_layers_around_a_gelu(gelu):
    up, down = (numbers(12, 5, seed=2), numbers(12, seed=3)), (numbers(5, 12, seed=4), numbers(5))

    def plain(x):
        inner = F.linear(x, *up)
        if gelu == "quick":
            return F.linear(inner * torch.sigmoid(1.702 * inner), *down)
        return F.linear(F.gelu(inner, approximate=gelu), *down)

    x = numbers(3, 4, 5, seed=6)
    torch.testing.assert_close(
        gradients(lambda x: perceptron(x, up, down, gelu=gelu), x), gradients(plain, x)
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_a_linear_layer_is_pytorch_s(dtype):
    weight, bias = numbers(7, 5, seed=2, dtype=dtype), numbers(7, seed=3, dtype=dtype)
    x = numbers(2, 3, 5, dtype=dtype)
    ours = gradients(lambda x: linear(x, weight, bias), x)
    torch.testing.assert_close(ours, gradients(lambda x: F.linear(x, weight, bias), x))


def test_a_layer_that_is_trained_gets_its_gradients():
    weight = numbers(7, 5, dtype=torch.float32).requires_grad_()
    linear(numbers(3, 5, dtype=torch.float32), weight, None).sum().backward()
    assert weight.grad is not None


def plain_block(x, block):
    wide = x
    if block.expand is not None:
        wide = F.relu6(F.conv2d(x, *block.expand))
    sides = [padding(side, block.depthwise[0].shape[-1], block.stride) for side in x.shape[2:]]
    padded = F.pad(wide, (*sides[1], *sides[0]))
    weight, bias = block.depthwise
    deep = F.relu6(F.conv2d(padded, weight, bias, block.stride, 0, 1, padded.shape[1]))
    out = F.conv2d(deep, *block.project)
    return x + out if block.skips else out


@pytest.mark.parametrize("sides", [(8, 8), (7, 7), (5, 8), (2, 1)])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (5, 1), (3, 2), (5, 2)])
@pytest.mark.parametrize("expands", [False, True])
def test_an_inverted_residual_is_its_convolutions(sides, kernel, stride, expands):
    wide = 12 if expands else 4
    block = InvertedResidual(
        (numbers(wide, 4, 1, 1, seed=2), numbers(wide, seed=3)) if expands else None,
        (numbers(wide, 1, kernel, kernel, seed=4), numbers(wide, seed=5)),
        (numbers(4, wide, 1, 1, seed=6), numbers(4, seed=7)),
        stride,
        skips=stride == 1,
    )
    x = 3 * numbers(2, 4, *sides, seed=8)  # some are above 6
    before = x.clone()
    ours = gradients(lambda x: inverted_residual(x, block), x)
    torch.testing.assert_close(ours, gradients(lambda x: plain_block(x, block), x))
    assert torch.equal(x, before)
    if not block.skips:
        assert [*ours[0].shape[2:]] == [-(-side // stride) for side in sides]
