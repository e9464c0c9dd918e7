"""The drawn world: pictures show what captions say, and captions are true of their scenes."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from typer.testing import CliRunner

from bench.drawn.typical import prompts
from bench.prompts import FOLDER
from engine.models.packages import clip_tokenizer
from training.drawn.__main__ import app
from training.world.captions import Claim, ThingClaim, describe
from training.world.drawing import draw_array
from training.world.sampling import WHOLE, Mix, near_miss, sample_scene
from training.world.scene import COLOURS, SCENERY, SHAPES, Ground, Scene, Thing, held_out
from training.world.styles import STYLES
from training.world.things import Drawings, DrawingsError, drawn_things

SEEDS = st.integers(0, 2**32 - 1)


def _rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def _mean_colour(pixels: np.ndarray, near: str) -> float:
    """How far the median of pixels [3, n] is from a named colour, in the worst channel, 0..255."""
    return float(np.abs(np.median(pixels, axis=1) - np.array(COLOURS[near])).max())


@pytest.mark.parametrize("shape", SHAPES)
def test_thing_and_ground_have_their_colours(shape: str) -> None:
    scene = Scene((Thing(shape, "red", "big"),), Ground("blue"))
    picture = draw_array(scene, _rng(1))
    assert picture.shape == (3, 128, 128)
    assert picture.dtype == np.uint8
    assert _mean_colour(picture[:, :, 0], "blue") < 40
    redness = (picture[0].astype(int) - picture[2] > 80).mean()
    assert 0.05 < redness < 0.7
    if shape != "ring":
        assert _mean_colour(picture[:, 60:68, 60:68].reshape(3, -1), "red") < 40


def test_left_of_is_left_above_is_above_and_inside_is_inside() -> None:
    red, blue = Thing("circle", "red"), Thing("square", "blue")

    def places(relation: str) -> tuple[np.ndarray, np.ndarray]:
        scene = Scene((red, blue), Ground("white"), relation)
        picture = draw_array(scene, _rng(3)).astype(int)
        first = np.argwhere(picture[0] - picture[2] > 90).mean(0)
        second = np.argwhere(picture[2] - picture[0] > 90).mean(0)
        return first, second

    first, second = places("left of")
    assert first[1] + 30 < second[1]
    first, second = places("above")
    assert first[0] + 30 < second[0]
    first, second = places("inside")
    assert np.abs(first - second).max() < 20


@pytest.mark.parametrize("style", STYLES)
def test_a_style_changes_the_drawing_but_not_its_shape(style: str) -> None:
    plain = Scene((Thing("star", "red"),), Ground("yellow"))
    styled = Scene(plain.things, plain.ground, None, style)
    one, other = draw_array(plain, _rng(5)), draw_array(styled, _rng(5))
    assert one.shape == other.shape
    assert np.abs(one.astype(int) - other).mean() > 8


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(("thing", "ground"), [("red", "green"), ("white", "yellow")])
def test_the_thing_is_visible_in_every_style(style: str, thing: str, ground: str) -> None:
    with_it = Scene((Thing("star", thing, "big"),), Ground(ground), None, style)
    without = Scene((Thing("star", ground, "big"),), Ground(ground), None, style)
    one, other = (draw_array(scene, _rng(5)).astype(int) for scene in (with_it, without))
    assert np.abs(one - other).mean() > 4


def test_charcoal_has_no_colour() -> None:
    scene = Scene((Thing("star", "red"),), Ground("yellow"), None, "charcoal")
    picture = draw_array(scene, _rng(5)).astype(int)
    assert (picture.max(0) - picture.min(0)).max() < 20


@pytest.mark.parametrize("scenery", [each for each in SCENERY if each != "gradient"])
def test_scenery_is_in_the_caption_and_in_the_picture(scenery: str) -> None:
    scene = Scene((Thing("circle", "red"),), Ground(scenery, scenery))
    words, claim = describe(scene, _rng(1), full=True)
    assert words.startswith("a red circle ")
    assert claim.true_of(scene)
    others = [Scene(scene.things, Ground(each, each)) for each in SCENERY if each != scenery]
    assert not any(claim.true_of(other) for other in others)
    one = draw_array(scene, _rng(1)).astype(int)
    for other in others:
        if other.ground.pattern != "gradient":
            assert np.abs(one - draw_array(other, _rng(1))).mean() > 12


def test_a_gradient_goes_from_its_one_colour_to_its_other() -> None:
    scene = Scene((Thing("circle", "red"),), Ground("yellow", "gradient", "blue"))
    picture = draw_array(scene, _rng(1))
    assert _mean_colour(picture[:, 0], "yellow") < 40
    assert _mean_colour(picture[:, -1], "blue") < 40


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (1, "a red square on a blue background"),
        (2, "two red squares on a blue background"),
        (3, "three red squares on a blue background"),
    ],
)
def test_the_number_in_the_caption_is_the_number_drawn(count: int, words: str) -> None:
    scene = Scene((Thing("square", "red", count=count),), Ground("blue"))
    said, claim = describe(scene, _rng(7), full=True)
    assert said == words
    counts = [replace(scene, things=(replace(scene.things[0], count=n),)) for n in (1, 2, 3)]
    assert [claim.true_of(other) for other in counts] == [n == count for n in (1, 2, 3)]
    picture = draw_array(scene, _rng(1)).astype(int)
    red = Image.fromarray(((picture[0] - picture[2] > 60) * 255).astype(np.uint8)).copy()
    found = 0
    for x, y in itertools.product(range(128), repeat=2):
        if red.getpixel((x, y)) == 255:
            ImageDraw.floodfill(red, (x, y), 0)
            found += 1
    assert found == count


@given(SEEDS)
def test_the_same_seed_draws_the_same_scene(seed: int) -> None:
    one, other = sample_scene(_rng(seed)), sample_scene(_rng(seed))
    assert one == other
    assert np.array_equal(draw_array(one, _rng(seed), 32), draw_array(other, _rng(seed), 32))


@given(SEEDS, st.booleans())
def test_no_scene_for_training_is_held_out_and_every_held_one_is(seed: int, held: bool) -> None:
    assert held_out(sample_scene(_rng(seed), held=held)) == held


def test_about_a_tenth_of_the_combinations_is_held_out() -> None:
    singles = [
        Scene((Thing(shape, colour),), Ground(ground))
        for shape in SHAPES
        for colour in COLOURS
        for ground in COLOURS
    ]
    assert 0.07 < np.mean([held_out(scene) for scene in singles]) < 0.15


@given(SEEDS, st.booleans())
def test_a_caption_is_true_of_its_scene(seed: int, full: bool) -> None:
    scene = sample_scene(_rng(seed))
    words, claim = describe(scene, _rng(seed), full=full)
    assert claim.true_of(scene)
    assert words == " ".join(words.split())


@given(SEEDS, st.booleans())
def test_a_caption_of_the_whole_world_is_true_of_its_scene(seed: int, full: bool) -> None:
    scene = sample_scene(_rng(seed), WHOLE)
    words, claim = describe(scene, _rng(seed), full=full)
    assert claim.true_of(scene)
    assert words == " ".join(words.split())
    assert len(clip_tokenizer().encode(words)) <= 30


@given(SEEDS)
def test_two_full_captions_of_one_scene_and_its_near_miss_are_not_both_true(seed: int) -> None:
    scene = sample_scene(_rng(seed), WHOLE)
    other = near_miss(scene, _rng(seed))
    _, claim = describe(scene, _rng(seed), full=True)
    assert claim.true_of(other) == (other == scene)


def test_drawn_things_have_names_colours_and_plurals() -> None:
    things = drawn_things()
    assert len(things) > 250
    assert not set(things) & {*SHAPES, *COLOURS, *STYLES}
    assert things["fox"].colour == "orange"
    plurals = {
        "fox": "foxes",
        "wolf": "wolves",
        "cherries": None,
        "fish": None,
        "strawberry": "strawberries",
        "octopus": "octopuses",
        "monkey": "monkeys",
    }
    assert {name: things[name].plural for name in plurals} == plurals


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("fox", "a fox"),
        ("eagle", "an eagle"),
        ("unicorn", "a unicorn"),
        ("hourglass", "an hourglass"),
        ("grapes", "grapes"),
        ("bread", "bread"),
    ],
)
def test_each_drawn_thing_has_its_article(name: str, words: str) -> None:
    scene = Scene((drawn_things()[name].thing(),), Ground("snow", "snow"))
    assert describe(scene, _rng(1), full=True)[0] == f"{words} in the snow"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of drawings: bars of different lengths, off centre, on nothing."""
    folder = tmp_path_factory.mktemp("drawings")
    lines = []
    for i, thing in enumerate(drawn_things().values()):
        picture = Image.new("RGBA", (40, 40))
        ImageDraw.Draw(picture).rectangle((2, 4, 12 + i % 20, 9), fill=(255, 0, 255, 255))
        picture.save(folder / f"{i}.png")
        lines.append(json.dumps({"name": thing.drawing, "file": f"{i}.png"}))
    (folder / "emoji.jsonl").write_text("\n".join(lines))
    return folder


def test_a_drawing_is_placed_without_its_margin(folder: Path) -> None:
    scene = Scene(
        (drawn_things()["fox"].thing(), Thing("square", "blue")), Ground("green"), "left of"
    )
    picture = draw_array(scene, _rng(2), 128, Drawings(folder)).astype(int)
    magenta = np.argwhere((picture[0] > 200) & (picture[1] < 60) & (picture[2] > 200))
    assert len(magenta) > 200
    assert np.abs(magenta.mean(0) - (64, 33)).max() < 10
    assert np.ptp(magenta[:, 1]) > 40  # as wide as a thing is, not as its file


def test_the_bench_uses_prompts_that_are_not_held_out_with_their_pictures(folder: Path) -> None:
    found = prompts(3, Drawings(folder))
    held = {
        entry["caption"]
        for kind in found
        for entry in json.loads((FOLDER / f"{kind}.json").read_text())
    }
    assert list(found) == ["things", "styled", "relations", "additions"]
    assert all(
        len(pairs) == 3 and not held & {words for words, _ in pairs} for pairs in found.values()
    )
    again = prompts(3, Drawings(folder))
    for kind, pairs in found.items():
        for (words, picture), (same, drawn) in zip(pairs, again[kind], strict=True):
            assert words == same
            assert torch.equal(picture, drawn)
            assert picture.shape == (3, 128, 128)


def test_missing_drawings_are_an_error(folder: Path, tmp_path: Path) -> None:
    scene = Scene((drawn_things()["fox"].thing(),), Ground("green"))
    with pytest.raises(DrawingsError, match="fox, name a folder"):
        draw_array(scene, _rng(2))
    with pytest.raises(DrawingsError, match=r"no emoji\.jsonl"):
        Drawings(tmp_path)
    (tmp_path / "emoji.jsonl").write_text(
        (folder / "emoji.jsonl").read_text().replace('"fox"', '"vixen"')
    )
    with pytest.raises(DrawingsError, match="'fox'"):
        Drawings(tmp_path)


def test_a_folder_of_drawings_is_made_from_pictures_and_names(folder: Path, tmp_path: Path) -> None:
    noto = tmp_path / "png"
    noto.mkdir()
    (noto / "emoji_u1f98a.png").write_bytes((folder / "0.png").read_bytes())
    (noto / "emoji_u2744.png").write_bytes((folder / "1.png").read_bytes())
    names = tmp_path / "names.json"
    names.write_text(
        json.dumps(
            {
                "🦊": ["fox", "animal"],
                "❄️": ["snowflake", "cold", "winter"],
                "🐳": ["spouting_whale", "sea"],
            }
        )
    )
    told = CliRunner().invoke(app, ["drawings", str(noto), str(names), str(tmp_path / "made")])
    assert told.output.startswith("2 drawings in ")
    rows = [
        json.loads(line) for line in (tmp_path / "made" / "emoji.jsonl").read_text().splitlines()
    ]
    assert [(row["name"], row["keywords"]) for row in rows] == [
        ("fox", ["animal"]),
        ("snowflake", ["cold", "winter"]),
    ]
    assert all((tmp_path / "made" / row["file"]).is_file() for row in rows)
    nothing = CliRunner().invoke(app, ["drawings", str(folder), str(names), str(tmp_path / "no")])
    assert nothing.exit_code == 2
    assert "name its png/128" in " ".join(nothing.output.replace("│", "").split())


def test_training_refuses_a_folder_without_drawings_at_once(tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["generator", "--drawings", str(tmp_path)])
    assert told.exit_code == 2
    assert "has no emoji.jsonl" in " ".join(told.output.replace("│", "").split())


@given(SEEDS)
def test_a_full_caption_is_true_of_a_near_miss_only_if_nothing_it_says_changed(seed: int) -> None:
    rng = _rng(seed)
    scene = sample_scene(rng)
    other = near_miss(scene, rng)
    _, claim = describe(scene, rng, full=True)
    told = [(thing.shape, thing.colour) for thing in scene.things]
    same_things = told == [(thing.shape, thing.colour) for thing in other.things]
    same_place = (scene.relation, scene.style, scene.ground.colour) == (
        other.relation,
        other.style,
        other.ground.colour,
    )
    assert claim.true_of(other) == (same_things and same_place)


@given(SEEDS)
def test_neither_of_two_things_hides_the_other(seed: int) -> None:
    scene = sample_scene(_rng(seed), Mix(pairs=1.0))
    for each in (scene, near_miss(scene, _rng(seed))):
        sizes = tuple(thing.size for thing in each.things)
        assert sizes == (("small", "big") if each.relation == "inside" else ("medium",) * 2)


def test_a_partial_caption_is_true_of_every_scene_that_fits() -> None:
    claim = Claim((ThingClaim("star", None, None),))
    assert claim.true_of(Scene((Thing("star", "red"),), Ground("blue")))
    assert not claim.true_of(Scene((Thing("heart", "red"),), Ground("blue")))
    assert not claim.true_of(Scene((Thing("star", "red"),), Ground("blue"), None, "neon"))


@given(SEEDS)
def test_every_caption_fits_the_perceptors_context(seed: int) -> None:
    rng = _rng(seed)
    words, _ = describe(sample_scene(rng), rng)
    assert len(clip_tokenizer().encode(words)) <= 30
