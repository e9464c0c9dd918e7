"""Looks: what style, light and colours a picture has, and which a text names."""

from __future__ import annotations

import math

import pytest
import torch
from PIL import Image
from torch import Tensor

from engine.errors import CheckpointError, ModelError
from engine.models import Join, Models, load_models
from engine.models.perceptors.efficientnet_lite import build
from engine.models.perceptors.looks import COLOURS, LIGHTS, SHARES, STYLES, TERMS
from engine.painting.pipeline import prepare
from engine.pictures.given import take
from engine.pictures.writing import png_bytes
from engine.request.request import make_request
from training.common.shipped import NATURAL

FILES = {"checkpoint": NATURAL / "perceptor.pt", "looks": NATURAL / "looks.pt"}


@pytest.fixture(scope="module")
def models():
    return load_models("natural", device="cpu")


@pytest.fixture(scope="module")
def looks(models):
    return models.perceptor.looks


def named(looks, text):
    """The terms that a text names, with their numbers in its vector."""
    (vector,) = looks.encode_text([text])
    return {TERMS[i]: vector[i].item() for i in (vector > 0.3).nonzero()[:, 0].tolist()}


def flat(colour: tuple[int, int, int]) -> Tensor:
    return (torch.tensor(colour) / 255).view(1, 3, 1, 1).expand(1, 3, 64, 64).contiguous()


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("a harbour at dusk", {"dusk"}),
        ("a charcoal drawing of a harbour", {"charcoal"}),
        ("charcoal drawing", {"charcoal"}),
        ("A lighthouse in the fog, oil painting", {"fog", "oil"}),
        ("a stained glass window of a lion", {"stained glass"}),
        ("a purple umbrella", {"purple"}),
        ("a red sofa", {"red"}),
        ("red", {"red"}),
        ("green", {"green"}),
        ("make it blue", {"blue"}),
        ("night", {"night"}),
        ("two oranges", set()),
        ("a redbone coonhound", set()),
        ("a castle on a hill", set()),
        ("a snow leopard", set()),
        ("an oil tanker", set()),
        ("a red fox", set()),
        ("a photo of a golden retriever", set()),
    ],
)
def test_a_text_names_its_looks_and_no_others(looks, text, terms):
    assert set(named(looks, text)) == terms


def test_what_is_named_has_equal_parts_of_a_unit_vector(looks):
    both = named(looks, "a lighthouse in the fog, oil painting")
    assert both == pytest.approx({"fog": math.sqrt(0.5), "oil": math.sqrt(0.5)}, abs=1e-6)
    assert not looks.encode_text(["a castle"]).any()
    (colours,) = looks.encode_text(["a purple umbrella"])[:, -len(COLOURS) :].square()
    assert colours.sum().item() == pytest.approx(1)
    assert colours[list(COLOURS).index("purple")].item() == pytest.approx(0.35 + 0.65 / 11)


def test_pictures_have_unit_vectors_with_a_part_for_each_group(looks):
    pictures = torch.rand(3, 3, 96, 96, generator=torch.Generator().manual_seed(1))
    vectors = looks.encode_image(pictures)
    assert vectors.shape == (3, len(TERMS))
    parts = vectors.square().split((len(STYLES), len(LIGHTS), len(COLOURS)), dim=1)
    for part, share in zip(parts, SHARES, strict=True):
        torch.testing.assert_close(part.sum(1), torch.full((3,), share), atol=1e-5, rtol=0)
    pictures.requires_grad_()
    (gradient,) = torch.autograd.grad(looks.encode_image(pictures)[:, 0].sum(), pictures)
    assert gradient.isfinite().all()
    assert gradient.abs().sum() > 0


@pytest.mark.parametrize(
    ("colour", "name"),
    [
        ((255, 0, 0), "red"),
        ((0, 0, 255), "blue"),
        ((0, 128, 0), "green"),
        ((255, 255, 0), "yellow"),
        ((255, 165, 0), "orange"),
        ((128, 0, 128), "purple"),
        ((255, 192, 203), "pink"),
        ((139, 69, 19), "brown"),
        ((0, 0, 0), "black"),
        ((255, 255, 255), "white"),
        ((128, 128, 128), "grey"),
    ],
)
def test_the_colours_that_css_names_are_called_that(looks, colour, name):
    colours = looks.encode_image(flat(colour))[0, -len(COLOURS) :]
    assert list(COLOURS)[int(colours.argmax())] == name


def test_a_prompt_with_a_look_is_painted_by_both_and_one_without_by_the_classifier(models):
    def members(prompt):
        request = make_request(prompt, model="natural", seed=1, width=64, height=64)
        painting = prepare(request, models)
        return painting, [each.perceptor for each in painting.targets.guides(painting.perceptor)]

    classifier, looks = models.perceptor, models.perceptor.looks
    assert members("a castle")[1] == [classifier]
    assert members("a castle in the fog")[1] == [classifier, looks]
    assert classifier in members("orange")[1]  # a fruit, too
    assert members("blue")[1] == [looks]
    alone, seeing = members("charcoal drawing")
    assert seeing == [looks]
    added, seeing = members("a castle + charcoal drawing")
    assert seeing == [classifier, looks]
    castle, style = added.targets.targets
    assert [len(vector) for vector in castle.vectors] == [1000, 0]
    assert [len(vector) for vector in style.vectors] == [0, len(TERMS)]
    for painting in (alone, added):
        assert math.isfinite(sum(painting.step().losses.values()))


def test_pictures_to_paint_like_and_noise_mean_nothing_to_it(models, tmp_path):
    request = make_request("a castle --noise 7:0.5", model="natural", seed=1, width=64, height=64)
    painting = prepare(request, models)
    assert [each.perceptor for each in painting.targets.guides(painting.perceptor)] == [
        models.perceptor
    ]


def test_steps_lead_to_the_look_that_is_named(models):
    looks = models.perceptor.looks
    request = make_request(
        "underwater", model="natural", seed=2, width=64, height=64, iterations=20, cutouts=4
    )
    painting = prepare(request, models)

    def likelihood(picture):
        _, lights = looks.network(picture[None])
        return lights.softmax(1)[0, LIGHTS.index("underwater")].item()

    first = likelihood(painting.step().image)
    for _ in range(12):
        last = painting.step().image
    assert likelihood(last) > 5 * first


def weights_of_looks(prompt, models, pictures=None, **settings):
    """For each iteration, the weights of the looks that the prompts name."""
    settings = {"model": "natural", "seed": 1, "width": 64, "height": 64, **settings}
    painting = prepare(make_request(prompt, **settings), models, pictures)
    place = painting.targets.guides(painting.perceptor).index(models.perceptor.members[1])
    weights = []
    for _ in range(settings["iterations"]):
        weights.append(
            tuple(
                pull.weights[place] for pull in painting.pulls() if len(pull.target.vectors[place])
            )
        )
        painting.iteration += 1
    return weights


def test_a_style_begins_to_pull_when_the_thing_is_there(models):
    late = [(0.0,)] * 3 + [(1.5,)] * 7
    assert weights_of_looks("a lion, oil painting", models, iterations=10) == late
    assert weights_of_looks("a lion at night, oil painting", models, iterations=10) == late
    added = weights_of_looks("a lion + oil painting:2", models, iterations=10)
    assert added == [(0.0,)] * 3 + [(3.0,)] * 7
    without = weights_of_looks("a lion + oil painting:-1", models, iterations=10)
    assert without == [(0.0,)] * 3 + [(-1.5,)] * 7


def test_a_style_stops_pulling_cutouts_that_have_it(models):
    settings = {"model": "natural", "seed": 1, "width": 64, "height": 64, "iterations": 10}
    painting = prepare(make_request("a lion, woodcut", **settings), models)
    looks = models.perceptor.looks
    place = painting.targets.guides(painting.perceptor).index(models.perceptor.members[1])
    (pull,) = painting.pulls()
    words = looks.encode_text(["woodcut"])[0]
    pure = looks.encode_text(["woodcut"]) * math.sqrt(SHARES[0])  # a woodcut, and nothing else
    rest = torch.zeros_like(pure)
    rest[0, len(STYLES)] = math.sqrt(1 - SHARES[0])
    for share, pulled in ((0.79, True), (0.81, False)):
        image = share * pure + rest
        image[0, 0] = math.sqrt(1 - image.square().sum())
        image.requires_grad_(True)
        assert (image @ words).item() == pytest.approx(share * math.sqrt(SHARES[0]))
        loss = pull.target.loss(image, pull.target.vectors[place], 1.0, pull.stops[place])
        (gradient,) = torch.autograd.grad(loss, image)
        assert bool(gradient.any()) == pulled
    pictures: dict[str, bytes] = {}
    plain = take(png_bytes(Image.new("RGB", (64, 64), "tan")), pictures)
    request = make_request("a lion, woodcut", **settings, init_image=plain)
    (edit,) = prepare(request, models, pictures).pulls()
    assert edit.stops == (-math.inf, -math.inf)


@pytest.mark.parametrize("prompt", ["a lion at night", "a green cup", "a lighthouse in the fog"])
def test_light_and_colours_pull_from_the_start(models, prompt):
    assert weights_of_looks(prompt, models, iterations=4) == [(0.5,)] * 4


def test_a_style_pulls_from_the_start_where_nothing_else_does(models):
    assert weights_of_looks("charcoal drawing", models, iterations=4) == [(0.5,)] * 4
    assert weights_of_looks("charcoal drawing + a lion:-1", models, iterations=4) == [(0.5,)] * 4


def test_an_edit_has_its_style_from_the_start_and_a_new_part_of_it_has_not(models):
    pictures: dict[str, bytes] = {}
    plain = take(png_bytes(Image.new("RGB", (64, 64), "tan")), pictures)
    edit = {"init_image": plain, "iterations": 10}
    assert weights_of_looks("a lion, woodcut", models, pictures, **edit) == [(0.5,)] * 10
    mask = Image.new("L", (64, 64))
    mask.paste(255, (0, 0, 32, 64))
    half = take(png_bytes(mask), pictures)
    new = weights_of_looks("a lion, woodcut", models, pictures, mask=half, **edit)
    assert new == [(0.0,)] * 3 + [(1.5,)] * 7


def test_until_a_style_joins_the_picture_is_as_if_there_were_none():
    generator = load_models("natural", device="cpu", precision="float32").generator

    def painting(weight):
        models = Models(
            "natural", generator, build(FILES, {"looks_weight": weight}), {}, torch.device("cpu")
        )
        small = {"width": 64, "height": 64, "cutouts": 1, "iterations": 10}
        request = make_request("a lion, oil painting", model="natural", seed=5, **small)
        return prepare(request, models)

    styled, plain = painting(0.5), painting(0.0)
    for _ in range(3):
        styled.step()
        plain.step()
    assert torch.equal(styled.latent.z, plain.latent.z)
    styled.step()
    plain.step()
    assert not torch.equal(styled.latent.z, plain.latent.z)


def test_each_part_of_a_story_that_begins_from_nothing_has_its_style_later(models):
    weights = weights_of_looks("a lion, woodcut ^ a fox, woodcut", models, iterations=20)
    assert weights == ([(0.0,)] * 3 + [(1.5,)] * 7) * 2


def test_it_paints_on_as_if_it_was_never_stopped(models):
    from tests.engine.tiny import check_resumes

    request = make_request("a castle in the fog", model="natural", seed=3, width=64, height=64)
    one, other = (prepare(request, models) for _ in range(2))
    for _ in range(2):
        check_resumes(one, other)


def test_a_broken_file_and_a_wrong_setting_are_refused(tmp_path):
    tensors = torch.load(FILES["looks"], weights_only=True)
    tensors.pop("text.inner.weight")
    path = tmp_path / "looks.pt"
    torch.save(tensors, path)
    with pytest.raises(CheckpointError, match=r"looks\.pt.*text|inner"):
        build(FILES | {"looks": path}, {})
    with pytest.raises(ModelError, match="looks_weight"):
        build({"checkpoint": FILES["checkpoint"]}, {"looks_weight": 1.0})
    with pytest.raises(ModelError, match="styles_from"):
        build(FILES, {"styles_from": 1.5})
    heavier = build(
        FILES, {"looks_weight": 3.0, "styles_from": 0.5, "styles_times": 4, "styles_enough": 1}
    )
    assert [member.weight for member in heavier.members] == [1.0, 3.0]
    assert heavier.looks is not None
    (vector,) = heavier.looks.encode_text(["oil painting"])
    assert heavier.looks.joins(vector) == Join(0.5, 4.0, math.sqrt(SHARES[0]))
    assert len(build({"checkpoint": FILES["checkpoint"]}, {}).members) == 1
