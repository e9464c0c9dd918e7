"""How to optimise, as people write it: what each value does to the recipe, and what is refused."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import RequestError
from engine.request.from_text import request_from_text
from engine.request.method.applied import with_choices, with_latent
from engine.request.method.augment import NAMES, OFF, parse_augment
from engine.request.method.losses import PictureLosses, parse_palette
from engine.request.method.optimising import RATES, parse_schedule, parse_starts
from engine.request.method.regulariser import Regulariser
from engine.request.recipe import PRESETS, Augmentation, Recipe
from engine.request.request import make_request, request_from_json

PAPER = PRESETS["paper"]


def _chosen(recipe: Recipe = PAPER, **values: Any) -> Recipe:
    request = make_request("a fox", **values)
    return with_choices(with_latent(recipe, request.method, request.learning_rate), request)


def test_a_request_that_chooses_nothing_leaves_every_preset_as_it_is() -> None:
    for recipe in PRESETS.values():
        assert _chosen(recipe) == recipe


def test_the_methods_of_appendix_g1() -> None:
    paper = PRESETS["paper"]
    assert _chosen(paper, method="z") == dataclasses.replace(paper, regulariser=Regulariser())
    assert _chosen(paper, method="z-reg") == paper
    assert _chosen(PRESETS["default"], method="z-reg").regulariser == paper.regulariser
    codebook = _chosen(paper, method="codebook")
    assert (codebook.latent, codebook.learning_rate, codebook.step) == (
        "codebook",
        0.05,
        "absolute",
    )
    assert codebook.regulariser.weight == 0
    assert codebook.augmentation == paper.augmentation
    assert _chosen(paper, method="codebook", learning_rate=0.2).learning_rate == 0.2
    assert _chosen(PRESETS["codebook"], method="z").latent == "quantised"


@pytest.mark.parametrize(
    ("values", "changes"),
    [
        ({"regulariser": "harmonic:0.5"}, {"regulariser": Regulariser(0.5, "linear", "zero")}),
        ({"distance": "augclip"}, {"distance": "augclip"}),
        ({"optimiser": "radam"}, {"optimiser": "radam"}),
        ({"schedule": "cosine"}, {"schedule": "cosine", "cooling": 0.0}),
        ({"schedule": "linear:0.1"}, {"schedule": "linear", "cooling": 0.1}),
        ({"ema": 0.99}, {"ema": 0.99}),
        ({"starts": "64:5"}, {"starts": 64, "mixed": 5}),
        ({"smoothness": 0}, {"losses": PictureLosses(smoothness=0)}),
        ({"saturation": -1}, {"losses": PictureLosses(saturation=-1)}),
        ({"aesthetic": 2}, {"losses": PictureLosses(aesthetic=2)}),
        ({"symmetry": "both:2"}, {"losses": PictureLosses(symmetry=2, axis="both")}),
        (
            {"palette": "navy,#fff:2"},
            {"losses": PictureLosses(palette=2, colours=((0, 0, 128 / 255), (1, 1, 1)))},
        ),
        ({"edge": "black:3"}, {"losses": PictureLosses(edge=3, border=(0, 0, 0))}),
        ({"edge": "plain:3"}, {"losses": PictureLosses(edge=3, border=None)}),
    ],
    ids=str,
)
def test_each_option_changes_what_it_says(values: dict[str, Any], changes: dict[str, Any]) -> None:
    assert _chosen(**values) == dataclasses.replace(PAPER, **changes)


def test_weights_have_defaults() -> None:
    losses = _chosen(symmetry="left-right", palette="red blue", edge="white").losses
    assert min(losses.symmetry, losses.palette, losses.edge) > 0


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("flip=0.5", {"flip": 0.5}),
        ("affine=0.7:15,shear=5", {"affine": 0.7, "degrees": 15.0, "shear": 5.0}),
        ("erasing", {"erasing": 0.7, "area": 0.4}),
        ("none", OFF),
        ("none,flip=0.3", {**OFF, "flip": 0.3}),
        (
            "jitter=1:0.6",
            {"jitter": 1, "brightness": 0.6, "contrast": 0.6, "saturation": 0.6, "hue": 0.5},
        ),
        ("jitter=0.5,hue=0.1", {"jitter": 0.5, "hue": 0.1}),
        (
            "sharpness=1:2, elastic, resized=1:0.5",
            {
                "sharpness": 1,
                "blend": 2,
                "elastic": 0.7,
                "alpha": 1,
                "resized": 1,
                "least": 0.5,
            },
        ),
        ("power=0.5,whole=0.25", {"crop_power": 0.5, "whole": 0.25}),
        ("shrink=pooled", {"shrink": "pooled", "whole": 1}),
        ("translate=0.2,padding=zeros", {"translate": (0.2, 0.2), "padding": "zeros"}),
    ],
)
def test_augmentations_are_read(text: str, changes: dict[str, Any]) -> None:
    assert parse_augment(text) == changes
    recipe = _chosen(augment=text)
    assert recipe.augmentation == dataclasses.replace(PAPER.augmentation, **changes)


def test_each_name_is_a_field_of_the_augmentation() -> None:
    known = {field.name for field in dataclasses.fields(Augmentation)}
    usual = {"padding": "zeros", "shrink": "pooled"}
    for name in NAMES:
        assert parse_augment(f"{name}={usual.get(name, '0.5')}").keys() <= known


@pytest.mark.parametrize(
    ("field", "value", "part"),
    [
        ("method", "vqgan", "z, z-reg, codebook"),
        ("regulariser", "linear:-1", "between 0 and 100"),
        ("regulariser", "linear:x", "between 0 and 100"),
        ("augment", "blur=0.5", "choose one of flip"),
        ("augment", "flip=2", "between 0 and 1"),
        ("augment", "flip=0.5:3", "flip=0.5"),
        ("augment", "affine=0.5:999", "between 0 and 180"),
        ("augment", "whole", "write it like"),
        ("augment", "padding=wrap", "border, reflection, zeros"),
        ("augment", "", "choose one of"),
        ("augment", "x" * 401, "the maximum is 400"),
        ("distance", "euclid", "spherical, augclip"),
        ("smoothness", -1, "between 0 and 100"),
        ("saturation", "nan", "between -100 and 100"),
        ("symmetry", "diagonal", "left-right"),
        ("symmetry", "both:101", "between 0 and 100"),
        ("palette", "", "navy,gold"),
        ("palette", "red,reddish", '"reddish" is not a colour'),
        ("palette", "hsl(0,100%,50%)", "is not a colour"),
        ("palette", ",".join(f"#{i:06x}" for i in range(33)), "at most 32"),
        ("edge", "#12", "is not a colour"),
        ("optimiser", "lion", "adamw"),
        ("schedule", "step", "cosine"),
        ("schedule", "cosine:2", "between 0 and 1"),
        ("schedule", "exponential:0", "above 0"),
        ("ema", 1, "between 0 and 0.9999"),
        ("starts", "0", "between 1 and 256"),
        ("starts", "8:9", "between 1 and 8"),
        ("starts", "8:9:10", "64:5"),
        ("starts", "many", "64:5"),
    ],
)
def test_wrong_values_are_refused_with_what_to_change(field: str, value: Any, part: str) -> None:
    with pytest.raises(RequestError, match=r"\.$") as refused:
        make_request("a fox", **{field: value})
    assert part in str(refused.value)


def test_an_edit_has_one_start() -> None:
    with pytest.raises(RequestError, match="without a picture"):
        make_request("a fox", starts="8", init_image="0" * 64)


def test_each_is_a_flag_of_the_prompt_and_survives_its_json() -> None:
    request = request_from_text(
        "a fox --method z-reg --augment none,flip=0.5 --distance augclip --smoothness 0,5 "
        "--saturation -1 --symmetry both --palette navy,gold:2 --edge=#fff --aesthetic 1 "
        "--optimizer adamw --schedule cosine --ema .9 --starts 8:2 --regulariser linear:0.5"
    )
    assert request.prompt == "a fox"
    assert (request.smoothness, request.saturation, request.ema) == (0.5, -1, 0.9)
    assert (request.augment, request.palette) == ("none,flip=0.5", "navy,gold:2")
    assert (request.optimiser, request.edge, request.starts) == ("adamw", "#fff", "8:2")
    assert request_from_json(request.model_dump_json()) == request


def test_a_request_of_an_earlier_version_has_none_of_it() -> None:
    assert request_from_json('{"prompt": "a fox"}') == make_request("a fox")


@given(st.sampled_from(sorted(RATES)), st.floats(0.01, 1), st.integers(1, 500))
def test_every_schedule_falls_from_all_to_what_is_left(name: str, left: float, count: int) -> None:
    recipe = Recipe(iterations=count, schedule=name, cooling=left, learning_rate=2.0)
    rates = [recipe.rate(i) for i in range(count + 1)]
    assert rates[0] == pytest.approx(2)
    assert all(later <= now + 1e-9 for now, later in itertools.pairwise(rates))
    assert rates[-1] == pytest.approx(2 * (1 if name == "constant" else left))


def test_the_cosine_schedule_is_loshchilov_and_hutters() -> None:
    recipe = Recipe(iterations=4, schedule="cosine", cooling=0.0, learning_rate=1.0)
    assert [recipe.rate(i) for i in range(5)] == pytest.approx(
        [1, 0.853553, 0.5, 0.146447, 0], abs=1e-6
    )


@settings(max_examples=40)
@given(st.text(st.sampled_from("flip=,:0.5noeshaprd 64cin#٣"), max_size=30))
def test_any_text_is_read_or_refused_with_a_sentence(text: str) -> None:
    for parse in (parse_augment, parse_palette, parse_schedule, parse_starts):
        with contextlib.suppress(RequestError):
            parse(text)
