"""Edits come back at the size of the picture that they edit, and only change what they should."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageDraw

from engine.painting import framing
from engine.painting.composing import Frame, likeness
from engine.painting.framing import part_to_paint
from engine.painting.images import side_by_side
from engine.painting.init_image import Source
from engine.painting.masking import composite, inner_slope
from engine.painting.pipeline import imagine, prepare, provenance
from engine.painting.unchanged import unchanged_picture
from engine.request.recipe import Recipe
from tests.engine.tiny import tiny_perceptor
from tests.tiny_model import tiny_request


def _noise(width, height):
    colours = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(colours)


def _white(size, box):
    white = Image.new("L", size)
    ImageDraw.Draw(white).rectangle((box[0], box[1], box[2] - 1, box[3] - 1), fill=255)
    return white


def _edited(models, picture, mask=None, **values):
    """The last iterate of an edit of ``picture``, and its Synthesis."""
    pictures = {}

    def name(image):
        file = io.BytesIO()
        image.save(file, "PNG")
        digest = hashlib.sha256(file.getvalue()).hexdigest()
        pictures[digest] = file.getvalue()
        return digest

    if mask is not None:
        values["mask"] = name(mask)
    request = tiny_request(init_image=name(picture), iterations=2, **values)
    synthesis = prepare(request, models, pictures)
    while synthesis.iteration < 2:
        synthesis.step()
    return synthesis.look(), synthesis


def _differs(a, b):
    """White where two pictures differ."""
    bands = ImageChops.difference(a, b).split()
    return ImageChops.lighter(ImageChops.lighter(*bands[:2]), bands[2]).point(
        lambda value: 255 if value else 0
    )


SIZES = [(400, 300), (300, 400), (33, 21), (20, 15), (1, 1), (900, 3), (3, 900), (641, 40)]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_an_edit_has_the_size_of_its_picture(tiny, size):
    iterate, synthesis = _edited(tiny, _noise(*size))
    assert iterate.full_size().size == size
    across, down = iterate.to_pil().size
    assert across * down <= 1.3 * 32 * 32
    assert max(across / down, down / across) <= 8
    # Nothing of the picture is cut off: the part that is painted is all of it.
    assert synthesis.frame is not None
    assert synthesis.frame.box == (0, 0, *size)


def test_a_picture_of_the_models_size_comes_back_as_it_was_painted(tiny):
    iterate, _ = _edited(tiny, _noise(32, 32))
    assert iterate.full_size().tobytes() == iterate.to_pil().tobytes()


@pytest.mark.parametrize("size", [(400, 300), (64, 48), (900, 60)], ids=str)
@pytest.mark.parametrize("share", [0.03, 0.3, 0.9])
def test_outside_a_mask_every_pixel_stays(tiny, size, share):
    picture = _noise(*size)
    side = (share * size[0] * size[1]) ** 0.5
    wide, high = min(size[0], round(side)), min(size[1], round(side))
    mask = _white(size, (2, 1, 2 + wide, 1 + high))
    # With the usual rate no code changes within two iterations, and so no pixel.
    iterate, synthesis = _edited(tiny, picture, mask, learning_rate=5.0)
    result = iterate.full_size()
    changed = _differs(picture, result)
    assert ImageChops.subtract(changed, mask).getbbox() is None
    middle = (2 + wide // 4, 1 + high // 4, 2 + wide // 2 + 1, 1 + high // 2 + 1)
    assert changed.crop(middle).getbbox() is not None
    assert synthesis.overlay() is not None


def test_outside_a_mask_found_by_words_every_pixel_stays_too(tiny):
    picture = _noise(400, 300)
    iterate, synthesis = _edited(tiny, picture, where="a jacket")
    changed = _differs(picture, iterate.full_size())
    frame = synthesis.frame
    assert frame is not None
    assert frame.white is not None
    assert changed.getbbox() is not None
    # The slope of a mask that the model finds is outside it, a token wide at the most.
    reach = 2 * synthesis.generator.factor * frame.extent[0] // frame.visible[0]
    near = frame.white.resize((100, 75)).filter(_dilated(reach // 4 + 2)).resize(picture.size)
    assert ImageChops.subtract(changed, near.point(lambda v: 255 if v else 0)).getbbox() is None


def _dilated(pixels):
    from PIL import ImageFilter

    return ImageFilter.MaxFilter(2 * pixels + 1)


def test_a_mask_and_words_change_only_where_both_are(tiny):
    picture = _noise(200, 160)
    mask = _white(picture.size, (0, 0, 100, 160))
    iterate, _ = _edited(tiny, picture, mask, where="a jacket", threshold=-5)
    changed = _differs(picture, iterate.full_size())
    assert ImageChops.subtract(changed, mask).getbbox() is None
    assert changed.getbbox() is not None


def test_a_small_part_of_a_large_picture_is_painted_with_its_surroundings(tiny):
    picture = _noise(400, 300)
    _, synthesis = _edited(tiny, picture, _white(picture.size, (300, 200, 340, 240)))
    frame = synthesis.frame
    assert frame is not None
    left, top, right, bottom = frame.box
    assert left < 300
    assert top < 200
    assert right > 340
    assert bottom > 240
    assert 60 < right - left < 100
    assert frame.mask().mean() > 0.15
    assert synthesis.state_dict()["latent"].shape[-1] * 2 == synthesis.recipe.width
    facts = provenance(synthesis, tiny)
    assert facts["area"] == f"{left},{top},{right},{bottom}"
    assert facts["painted"] == f"{synthesis.recipe.width}x{synthesis.recipe.height}"


def test_a_line_thinner_than_the_models_pixels_can_change(tiny):
    picture = _noise(400, 300)
    mask = _white(picture.size, (0, 100, 400, 103))
    iterate, _ = _edited(tiny, picture, mask)
    changed = _differs(picture, iterate.full_size())
    assert ImageChops.subtract(changed, mask).getbbox() is None
    assert changed.getbbox() is not None


BOXES = st.tuples(
    st.integers(1, 3000), st.integers(1, 3000), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)
)


@given(BOXES, st.floats(0, 1), st.integers(16, 70_000))
def test_what_is_painted_contains_the_mask_and_is_never_finer_than_the_picture(box, high, area):
    width, height, left, top, wide = box
    x, y = int(left * (width - 1)), int(top * (height - 1))
    white = (x, y, x + 1 + int(wide * (width - x - 1)), y + 1 + int(high * (height - y - 1)))
    part = part_to_paint(white, (width, height), area)
    assert part[0] >= 0
    assert part[1] >= 0
    assert part[2] <= width
    assert part[3] <= height
    assert part[0] <= white[0] < white[2] <= part[2]
    assert part[1] <= white[1] < white[3] <= part[3]
    pixels = (part[2] - part[0]) * (part[3] - part[1])
    assert pixels >= min(area, width * height)


def test_an_aspect_crops_the_middle_at_full_size(tiny):
    picture = _noise(400, 300)
    mask = _white(picture.size, (100, 100, 200, 200))
    iterate, _ = _edited(tiny, picture, mask, aspect=1.0)
    result = iterate.full_size()
    middle = (50, 0, 350, 300)
    assert result.size == (300, 300)
    changed = _differs(picture.crop(middle), result)
    assert ImageChops.subtract(changed, mask.crop(middle)).getbbox() is None


def test_a_size_is_painted_and_given_back(tiny):
    iterate, _ = _edited(tiny, _noise(400, 300), width=64, height=24)
    assert iterate.full_size().size == (64, 24)
    assert iterate.full_size().tobytes() == iterate.to_pil().tobytes()


@pytest.mark.parametrize(
    ("size", "values", "expected"),
    [
        ((400, 300), {"width": 31}, (31, 23)),
        ((900, 3), {"width": 90}, (90, 1)),
        ((3, 900), {"height": 64}, (1, 64)),
        ((40, 80), {"width": 40}, (40, 80)),
    ],
)
def test_one_side_keeps_the_shape(tiny, size, values, expected):
    iterate, synthesis = _edited(tiny, _noise(*size), **values)
    assert iterate.full_size().size == expected
    assert synthesis.notices() == []
    # Otherwise a width of a tall picture would paint more than a host allows.
    assert synthesis.recipe.width * synthesis.recipe.height <= 1.3 * 32 * 32


def test_the_largest_size_is_told(tiny, monkeypatch):
    monkeypatch.setattr(framing, "MOST_EDITED", 1_000_000)
    iterate, synthesis = _edited(tiny, _noise(2000, 1000))
    size = iterate.full_size().size
    assert size == (1414, 707)
    assert any(
        "2000x1000" in notice and "1414x707" in notice and "1 megapixels" in notice
        for notice in synthesis.notices()
    )
    assert any("enlarged to 1414x707" in notice for notice in synthesis.notices())
    _, small = _edited(tiny, _noise(40, 30))
    assert small.notices() == []


def test_the_steps_to_a_mask_have_the_pictures_shape(tiny):
    picture, mask = _noise(60, 40), _white((60, 40), (0, 0, 50, 40))
    _, plain = _edited(tiny, picture)
    assert plain.mask_steps() == {}
    _, given = _edited(tiny, picture, mask)
    assert list(given.mask_steps()) == ["mask", "marked"]
    _, both = _edited(tiny, picture, mask, where="a star", threshold=0.5)
    steps = both.mask_steps()
    assert list(steps) == ["scores", "refined", "mask", "marked"]
    assert {step.size for step in steps.values()} == {(60, 40)}
    # The mask is both of them.
    assert not np.asarray(steps["mask"])[:, 50:].any()
    sheet = side_by_side(steps["marked"], steps["scores"], steps["mask"])
    assert sheet.size == (60 + 2 + 30, 40)
    assert sheet.crop((0, 0, 60, 40)).tobytes() == steps["marked"].tobytes()


def _smooth(width, height, seed):
    grid = torch.rand(1, 3, 6, 8, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(grid, (height, width), mode="bicubic")[0].clamp(0, 1)


def test_where_nothing_changed_the_originals_detail_comes_back():
    picture = _noise(400, 300)
    frame = Frame(picture, (0, 0, 400, 300), (40, 30))
    before = _smooth(40, 30, 1)
    same = np.asarray(frame.compose(before, before, None), np.int16)
    assert abs(same - np.asarray(picture, np.int16)).max() <= 1
    # Another picture keeps none of it.
    other = np.asarray(frame.compose(_smooth(40, 30, 9), before, None), np.float32)
    detail = np.asarray(picture, np.float32) - 127.5
    share = (detail * (other - other.mean())).mean() / detail.var()
    assert share < 0.15


def _recipe_for(aspect):
    """As a model with tokens of 16 px that paints 64x64 would have it."""
    sides = (64 * aspect**0.5, 64 / aspect**0.5)
    return Recipe(*(max(16, round(side / 16) * 16) for side in sides))


PERCEPTOR = tiny_perceptor()
LENGTH = st.integers(1, 40) | st.integers(41, 900)


@given(LENGTH, LENGTH, st.booleans(), st.data())
def test_any_picture_and_mask_can_be_framed_and_composed(width, height, masked, data):
    picture, white = _noise(width, height), None
    if masked:
        x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
        box = (x, y, data.draw(st.integers(x + 1, width)), data.draw(st.integers(y + 1, height)))
        white = _white((width, height), box)
    request = tiny_request(init_image="0" * 64)
    frame, recipe = framing.frame_of(Source(picture, white, ()), request, _recipe_for, PERCEPTOR)
    start, mask = frame.start(), frame.mask()
    assert start.shape == (1, 3, recipe.height, recipe.width)
    assert min(frame.visible) >= 1
    assert (mask is not None) == masked
    if mask is not None:
        assert mask.shape == (1, 1, recipe.height, recipe.width)
        assert mask.any()
    # The same painting gives the picture back; another one changes it only where it may.
    same = frame.compose(start[0], start[0], mask)
    assert same.size == picture.size
    assert np.asarray(ImageChops.difference(same, picture)).max() <= 1
    changed = 1 - start if mask is None else composite(1 - start, start, mask)
    other = frame.compose(changed[0], start[0], mask)
    assert other.size == picture.size
    if white is not None:
        assert ImageChops.subtract(_differs(picture, other), white).getbbox() is None


def test_likeness_is_one_for_the_same_and_low_for_another_picture():
    before = _smooth(40, 30, 1)
    assert likeness(before, before).min() == pytest.approx(1)
    assert likeness(_smooth(40, 30, 9), before).mean() < 0.2
    assert likeness(0.9 * before + 0.03, before).mean() > 0.8


@given(st.data())
def test_a_slope_inside_leaves_black_black_and_reaches_white(data):
    width, height = data.draw(st.integers(3, 40)), data.draw(st.integers(3, 40))
    x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    box = (x, y, data.draw(st.integers(x + 1, width)), data.draw(st.integers(y + 1, height)))
    hard = _white((width, height), box)
    slope = inner_slope(hard, data.draw(st.floats(0.5, 20)))
    assert ImageChops.subtract(slope, hard).getbbox() is None
    assert np.asarray(slope).max() > 100


def test_a_thin_line_beside_a_large_area_can_change_too():
    hard = _white((200, 200), (0, 0, 100, 200))
    hard.paste(255, (160, 0, 162, 200))
    slope = inner_slope(hard, 8)
    assert slope.crop((160, 0, 162, 200)).getextrema() == (255, 255)
    assert np.asarray(slope)[100, 99] < 50
    assert np.asarray(slope)[100, 80] == 255


def test_previews_are_of_the_models_size_and_the_last_iterate_gives_the_whole(tiny, tmp_path):
    _noise(90, 70).save(tmp_path / "mine.png")
    iterates = list(
        imagine("a fox", init_image=tmp_path / "mine.png", models=tiny, model="tiny", iterations=2)
    )
    assert {iterate.to_pil().size for iterate in iterates} == {(36, 28)}
    assert iterates[-1].full_size().size == (90, 70)
    *_, plain = imagine("a fox", models=tiny, model="tiny", iterations=1)
    assert plain.full_size().tobytes() == plain.to_pil().tobytes()


def test_strength_0_keeps_what_is_transparent():
    picture = _noise(40, 30)
    picture.putalpha(_white(picture.size, (5, 5, 20, 20)))
    file = io.BytesIO()
    picture.save(file, "PNG")
    name = hashlib.sha256(file.getvalue()).hexdigest()
    request = tiny_request(init_image=name, strength=0)
    unchanged = unchanged_picture(request, {name: file.getvalue()})
    assert unchanged.image.mode == "RGBA"
    assert unchanged.image.tobytes() == picture.tobytes()
    assert len(unchanged.remarks) == 1


def test_strength_0_is_the_picture_itself_and_needs_no_model(tmp_path, monkeypatch):
    picture = _noise(90, 70)
    picture.save(tmp_path / "mine.png")
    monkeypatch.setattr("engine.painting.pipeline.load_models", None)
    values = {"init_image": tmp_path / "mine.png", "strength": 0, "model": "nobody"}
    [iterate] = imagine("a fox", **values)
    assert iterate.full_size().tobytes() == picture.tobytes()
    [square] = imagine("a fox --ar 1:1", **values)
    assert square.full_size().tobytes() == picture.crop((10, 0, 80, 70)).tobytes()
    [small] = imagine("a fox --size 45x35", **values)
    assert small.full_size().size == (45, 35)
