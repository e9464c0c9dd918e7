"""Edits from the request to the picture: arrows, strength, pictures of every kind, masks."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from engine.errors import RequestError
from engine.events import Progress
from engine.models import load_models
from engine.painting.pipeline import prepare, recipe_of
from engine.pictures.masks import read_mask
from engine.pictures.writing import png_bytes
from engine.request.arrow import Arrow, parse_arrow
from engine.request.edit_recipe import AWAY, KEEP, PART_STRENGTH, STRENGTH, with_strength
from engine.request.from_text import request_from_text
from engine.request.method.regulariser import Regulariser
from engine.request.prompt import Prompt
from engine.request.recipe import PAPER_THRESHOLD, Recipe, make_recipe
from engine.request.request import make_request, request_from_json
from engine.worker.main import JobLoop
from engine.worker.messages import JobEvent, Paint, WorkerSettings
from tests.engine.cli.command_line import write_home
from tests.tiny_model import tiny_request
from training.world.drawing import draw
from training.world.scene import Ground, Scene, Thing

SHA = "a" * 64
SIDES = st.text(st.characters(codec="utf-8", exclude_characters='"“”\x00→>'), min_size=1).filter(
    lambda text: text.strip() == text and "->" not in text
)


def _picture(width=40, height=30, mode="RGB", seed=1):
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(noise).convert(mode)


def _bytes(image, format="PNG", **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def _named(*files):
    pictures = {hashlib.sha256(data).hexdigest(): data for data in files}
    return *pictures, pictures


# The request.


@given(SIDES, SIDES, st.sampled_from(["->", "→"]))
def test_an_arrow_between_spaces_has_two_sides(source, target, sign):
    assert parse_arrow(f"{source} {sign} {target}") == Arrow(source, target)
    assert parse_arrow(str(Arrow(source, target))) == Arrow(source, target)


@given(st.text(st.characters(codec="utf-8"), max_size=300))
def test_any_text_has_an_arrow_or_none_or_is_refused(text):
    try:
        arrow = parse_arrow(text)
    except RequestError as refusal:
        said = str(refusal)
        assert said.endswith(".")
        return
    if arrow is not None:
        assert arrow.source == arrow.source.strip() != ""
        assert arrow.target == arrow.target.strip() != ""


@pytest.mark.parametrize(
    "text",
    [
        "p->x",
        "C++ p->x = 3;",
        "a-> b",
        "a ->b",
        "a --> b",
        "an arrow ->->",
        '"night -> day"',
        "say “a -> b” aloud",
        "",
        "a - > b",
    ],
)
def test_arrows_in_other_places_are_words(text):
    assert parse_arrow(text) is None
    if text:
        assert make_request(text, init_image=SHA).prompts() == make_request(text).prompts()


def test_without_a_picture_an_arrow_is_words():
    assert make_request("night -> day").prompts() == (Prompt("night -> day"),)


def test_the_right_side_of_an_arrow_pulls_and_the_left_pushes():
    request = make_request("foggy sky + rain:2 -> clear sky:1.5", init_image=SHA)
    assert request.prompts() == (
        Prompt("clear sky", 1.5),
        Prompt("foggy sky", -AWAY),
        Prompt("rain", -2 * AWAY),
    )
    assert request.changed(away=0.25).prompts()[1] == Prompt("foggy sky", -0.25)
    assert request.changed(away=0).prompts() == (Prompt("clear sky", 1.5),)


def test_where_names_the_source_phrase_and_maybe_the_target():
    request = make_request("", init_image=SHA, where="windmills -> mushrooms")
    assert request.prompt == "mushrooms"
    assert request.prompts() == (Prompt("mushrooms"),)
    assert request.source_phrase() == "windmills"
    added = make_request("a misty field", init_image=SHA, where="windmills -> mushrooms")
    assert added.prompts() == (Prompt("a misty field"), Prompt("mushrooms"))
    plain = request_from_text('fur --where "the red jacket"', init_image=SHA)
    assert (plain.prompt, plain.source_phrase()) == ("fur", "the red jacket")
    assert make_request("fur", init_image=SHA).source_phrase() is None


EDITS = st.builds(
    make_request,
    st.sampled_from(["a fox", "fog -> sun", "狐"]),
    init_image=st.just(SHA),
    strength=st.none() | st.floats(0, 1),
    mask=st.none() | st.from_regex(r"\A[0-9a-f]{64}\Z"),
    where=st.sampled_from(["jacket", "jacket -> fur"]),
    threshold=st.none() | st.floats(-5, 5),
    keep=st.none() | st.floats(0, 100),
)


@given(EDITS)
def test_an_edit_survives_its_json(request_):
    assert request_from_json(request_.model_dump_json()) == request_
    assert request_from_json(request_.model_dump_json(exclude_none=True)) == request_


def test_a_request_lists_the_pictures_it_needs():
    assert make_request("a").pictures_needed() == ()
    assert make_request("a", init_image=SHA).pictures_needed() == (SHA,)
    assert make_request("a", init_image=SHA, mask="b" * 64).pictures_needed() == (SHA, "b" * 64)
    assert make_request("a", init_image=SHA, mask=SHA).pictures_needed() == (SHA,)


@pytest.mark.parametrize(
    ("text", "fields", "part"),
    [
        ("a --strength .5", {}, "picture to start from"),
        ("a --keep 1", {}, "picture to start from"),
        ("a", {"mask": SHA}, "picture to start from"),
        ("a", {"where": "jacket"}, "picture to start from"),
        ("a --strength 1.5", {"init_image": SHA}, "between 0 and 1"),
        ("a --strength much", {"init_image": SHA}, "a number"),
        ("a --strength nan", {"init_image": SHA}, "between 0 and 1"),
        ("a --threshold 1", {"init_image": SHA}, "where"),
        ("a --threshold 9", {"init_image": SHA, "where": "x"}, "between -5 and 5"),
        ("a --away 1", {"init_image": SHA}, "foggy sky -> clear sky"),
        ("a --away -1", {"init_image": SHA}, "between 0 and 100"),
        ("a", {"init_image": SHA, "where": "  "}, "jacket"),
        ("a", {"init_image": SHA, "where": "x" * 501}, "maximum is 500"),
        ("a", {"init_image": SHA, "where": "a\x00"}, "NUL"),
        ("a", {"init_image": SHA, "where": "a -> b -> c"}, "more than one arrow"),
        ("a", {"init_image": SHA, "mask": "mine.png"}, "mask"),
        ("", {"init_image": SHA, "where": "jacket"}, "empty"),
        ("fog ->", {"init_image": SHA}, "after it"),
        ("-> sun", {"init_image": SHA}, "before it"),
        ("a → b -> c", {"init_image": SHA}, "more than one arrow"),
    ],
)
def test_a_wrong_edit_is_one_sentence(text, fields, part):
    with pytest.raises(RequestError) as refusal:
        request_from_text(text, **fields)
    assert part in str(refusal.value)
    assert str(refusal.value).endswith(".")


# Strength.


def test_strength_sets_rate_iterations_and_pull():
    recipe = Recipe(iterations=100, learning_rate=0.2)
    none, half, full = (with_strength(recipe, strength) for strength in (0.0, 0.5, 1.0))
    assert (none.learning_rate, half.learning_rate, full.learning_rate) == (0, 0.05, 0.2)
    assert (none.iterations, half.iterations, full.iterations) == (50, 75, 100)
    weights = [each.regulariser.weight for each in (none, half, full)]
    assert weights == sorted(weights, reverse=True)
    assert weights[2] == 0
    assert half.regulariser.towards == "start"
    assert with_strength(recipe, 0.5, iterations=9).iterations == 9
    fresh = dataclasses.replace(recipe, spread=0.1, smoothness=2.0)
    assert (with_strength(fresh, 1.0).spread, with_strength(fresh, 1.0).smoothness) == (0.1, 2.0)
    assert (with_strength(fresh, 0.9).spread, with_strength(fresh, 0.9).smoothness) == (1.0, 0.0)
    assert with_strength(recipe, 0.5, schedule="linear").regulariser.schedule == "linear"
    assert with_strength(recipe, None) is recipe


def test_an_edit_without_strength_has_the_defaults_and_a_paper_one_none(tiny):
    plain = make_recipe("default", tiny.defaults)
    for values, strength in (
        ({}, STRENGTH),
        ({"mask": SHA}, PART_STRENGTH),
        ({"where": "x"}, PART_STRENGTH),
    ):
        recipe = recipe_of(tiny_request(init_image=SHA, **values), tiny)
        assert recipe.learning_rate == plain.learning_rate * strength**2
    paper = recipe_of(tiny_request(init_image=SHA, preset="paper", where="x"), tiny)
    assert paper.learning_rate == 0.15
    assert paper.regulariser == Regulariser(0.75, "linear", "zero")
    assert paper.masking.threshold == PAPER_THRESHOLD
    assert recipe_of(tiny_request(), tiny).learning_rate == plain.learning_rate
    chosen = recipe_of(tiny_request(init_image=SHA, where="x", threshold=0.25), tiny)
    assert chosen.masking.threshold == 0.25


def _painted(request, models, pictures):
    synthesis = prepare(request, models, pictures)
    first = synthesis.look().image
    z = synthesis.latent.z.detach().clone()
    while synthesis.iteration < synthesis.recipe.iterations:
        synthesis.step()
    return synthesis, first, float((synthesis.latent.z.detach() - z).norm())


def test_more_strength_changes_more_and_none_changes_nothing(tiny):
    name, pictures = _named(_bytes(_picture(32, 32)))
    gone = []
    for strength in (0.0, 0.2, 0.5, 1.0):
        request = tiny_request(init_image=name, strength=strength)
        synthesis, first, distance = _painted(request, tiny, pictures)
        gone.append(distance)
        if strength == 0:
            assert torch.equal(synthesis.look().image, first)
    assert gone == sorted(gone)
    assert gone[0] == 0
    assert gone[1] < gone[2] < gone[3]


def test_almost_without_strength_the_drawn_model_returns_the_picture():
    models = load_models("drawn", device="cpu")
    side = make_recipe("default", models.defaults).width
    scene = Scene((Thing("star", "red"),), Ground("yellow"))
    name, pictures = _named(_bytes(draw(scene, np.random.default_rng(1), side)))
    request = make_request(
        "a blue star on a green background",
        init_image=name,
        seed=1,
        strength=0.02,
        iterations=3,
        cutouts=2,
    )
    synthesis, first, _ = _painted(request, models, pictures)

    def psnr(picture):
        return -10 * math.log10(float((picture - synthesis.original[0]).square().mean()))

    assert abs(psnr(synthesis.look().image) - psnr(first)) < 1


# Pictures of every kind.


def _gif():
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    return _bytes(frames[0], "GIF", save_all=True, append_images=frames[1:])


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (_bytes(_picture(64, 32)), (46, 22)),
        (_bytes(_picture(1, 1)), (32, 32)),
        (_bytes(_picture(3000, 3)), (90, 12)),
        (_bytes(_picture(3, 3000)), (12, 90)),
        (_bytes(_picture(30, 30, "CMYK"), "JPEG"), (32, 32)),
        (_bytes(_picture(30, 30, "P")), (32, 32)),
        (_bytes(_picture(30, 30, "L").convert("I;16")), (32, 32)),
        (_bytes(_picture(30, 30, "RGBA")), (32, 32)),
        (_bytes(_picture(30, 30), "WEBP"), (32, 32)),
        (_gif(), (32, 32)),
    ],
    ids=["wide", "1x1", "ribbon", "tower", "CMYK", "palette", "16 bit", "RGBA", "WebP", "GIF"],
)
def test_any_picture_can_be_edited_with_its_aspect_kept(tiny, data, size):
    name, pictures = _named(data)
    synthesis = prepare(tiny_request(init_image=name, iterations=1), tiny, pictures)
    assert synthesis.look().to_pil().size == size
    synthesis.step()
    assert tiny_request(init_image=name).width is None


def test_a_requested_size_overrides_the_pictures_aspect(tiny):
    name, pictures = _named(_bytes(_picture(64, 32)))
    for values, size in (
        ({"width": 32, "height": 32}, (32, 32)),
        ({"width": 40}, (40, 20)),
        ({"aspect": 1.0}, (32, 32)),
    ):
        synthesis = prepare(tiny_request(init_image=name, **values), tiny, pictures)
        assert synthesis.look().to_pil().size == size


def test_changes_to_the_starting_picture_are_reported(tiny):
    moving = _gif()
    name, mask, pictures = _named(moving, _bytes(Image.new("L", (40, 20), "white")))
    synthesis = prepare(tiny_request(init_image=name, mask=mask), tiny, pictures)
    notices = " ".join(synthesis.notices())
    assert "first frame" in notices
    assert "stretched" in notices


def _see_through(white):
    """White everywhere, and transparent where ``white`` is."""
    cut = Image.new("RGBA", white.size, "white")
    cut.putalpha(white.point(lambda value: 255 - value))
    return cut


@pytest.mark.parametrize(
    "make",
    [
        lambda white: white.convert("L"),
        lambda white: white.convert("1"),
        lambda white: white.convert("P"),
        lambda white: white.convert("L").convert("I;16").point(lambda value: value * 257),
        _see_through,
    ],
    ids=["grey", "one bit", "palette", "16 bit", "transparent"],
)
def test_a_mask_is_white_where_it_is_white_or_transparent(make):
    white = Image.new("L", (20, 10), 0)
    white.paste(255, (0, 0, 10, 10))
    assert read_mask(_bytes(make(white))).white.tobytes() == white.tobytes()


def test_a_missing_picture_and_a_black_mask_are_refused(tiny):
    name, black, pictures = _named(_bytes(_picture()), _bytes(Image.new("L", (40, 30))))
    with pytest.raises(RequestError, match="mask no longer exists"):
        prepare(tiny_request(init_image=name, mask="b" * 64), tiny, pictures)
    with pytest.raises(RequestError, match="start from no longer exists"):
        prepare(tiny_request(init_image="c" * 64), tiny, pictures)
    with pytest.raises(RequestError, match="paint the area that can change white"):
        prepare(tiny_request(init_image=name, mask=black), tiny, pictures)


def test_where_creates_a_mask_and_keeps_the_structure(tiny):
    name, pictures = _named(_bytes(_picture(32, 32)))
    synthesis = prepare(tiny_request("fur", init_image=name, where="jacket"), tiny, pictures)
    assert synthesis.mask is not None
    assert 0 < float(synthesis.mask.hard.mean()) < 1
    (structure,) = (each for each in synthesis.targets.targets if each.name == "structure")
    assert structure.weight == KEEP
    assert "structure" in synthesis.step().losses
    lower = tiny_request("fur", init_image=name, where="jacket", threshold=-5, keep=0)
    synthesis = prepare(lower, tiny, pictures)
    assert synthesis.mask is not None
    assert synthesis.mask.hard.all()
    assert "structure" not in synthesis.step().losses


# Edits by the worker and the command.


def test_a_worker_shows_what_can_change_before_it_paints(tiny, tmp_path):
    name, mask, pictures = _named(
        _bytes(_picture(32, 32)), _bytes(Image.linear_gradient("L").resize((32, 32)))
    )
    sent: list[object] = []
    loop = JobLoop(WorkerSettings(preload=None, preview_every=0, preview_side=16), sent.append)
    loop.start()
    for id, request in (
        ("a" * 32, tiny_request(init_image=name, mask=mask, iterations=2)),
        ("b" * 32, tiny_request(init_image=name, iterations=2)),
        ("c" * 32, tiny_request(init_image=name, where="a star", threshold=-5, iterations=1)),
    ):
        loop.post(Paint(id, request.model_dump_json(), pictures, str(tmp_path / id)))
    while loop.tick():
        pass
    masked, plain, found = (
        [
            message.event
            for message in sent
            if isinstance(message, JobEvent)
            and message.id == id
            and isinstance(message.event, Progress)
        ]
        for id in ("a" * 32, "b" * 32, "c" * 32)
    )
    assert [(event.iteration, event.preview != b"") for event in masked] == [(0, False), (1, True)]
    assert all(Image.open(io.BytesIO(event.overlay)).size == (16, 16) for event in masked)
    assert [(event.iteration, event.overlay) for event in plain] == [(1, b"")]
    # Next to what words found are the scores of all places, and the mask.
    assert {Image.open(io.BytesIO(event.overlay)).size for event in found} == {(16 + 2 + 8, 16)}


def test_the_command_edits_where_the_mask_is_white(tmp_path, run_here):
    catalogue = write_home(tmp_path)
    source = _picture(32, 24)
    white = Image.new("L", (32, 24), 0)
    white.paste(255, (0, 0, 12, 24))
    (tmp_path / "mine.png").write_bytes(png_bytes(source))
    (tmp_path / "mask.png").write_bytes(_bytes(white))
    done = run_here(
        catalogue,
        "fog -> a red star",
        "--model",
        "tiny",
        "--init-image",
        "mine.png",
        "--mask",
        "mask.png",
        "--strength",
        "0.9",
        "--keep",
        "0.2",
        "--away",
        "0.3",
        "--iterations",
        "3",
        "-o",
        "new.png",
        "--json",
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert set(report["losses"]) == {"total", "a red star", "fog:-0.3", "structure", "regulariser"}
    assert report["request"]["strength"] == 0.9
    with Image.open(tmp_path / "new.png") as made:
        right = (14, 0, 32, 24)
        assert made.crop(right).tobytes() == source.crop(right).tobytes()
        assert made.crop((0, 0, 12, 24)).tobytes() != source.crop((0, 0, 12, 24)).tobytes()
    refused = run_here(catalogue, "a star", "--model", "tiny", "--mask", "mask.png")
    assert refused.returncode == 2
    assert refused.stderr.strip().endswith("or leave --mask out.")


def test_recipes_carry_how_masks_are_made():
    recipe = make_recipe("default", {"masking": {"sizes": [0.1], "threshold": 0.5}}, threshold=1.5)
    assert recipe.masking == dataclasses.replace(Recipe().masking, sizes=(0.1,), threshold=1.5)
