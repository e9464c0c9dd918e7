"""Camera moves: the warp, and paintings that follow it."""

from __future__ import annotations

import cmath
import io
import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kornia.geometry.conversions import axis_angle_to_rotation_matrix
from kornia.geometry.transform import (
    get_rotation_matrix2d,
    warp_affine,
    warp_perspective,
)
from PIL import Image

from engine import imagine
from engine.models.generators.curves import CurvesGenerator
from engine.models.generators.pixels import PixelGenerator
from engine.models.generators.vector import Stroke
from engine.painting.batch import shape_of, step_together
from engine.painting.motion import moved
from engine.painting.pipeline import paint, recipe_of
from engine.painting.synthesis import Synthesis
from engine.random_numbers import Draws
from engine.request.motion import Motion
from engine.request.prompt import parse_prompts
from engine.request.request import make_request
from tests.engine.tiny import check_resumes, tiny_generator, tiny_perceptor, tiny_recipe

GENERATOR, PERCEPTOR = tiny_generator(), tiny_perceptor()
WIDTH, HEIGHT = 48, 32


def _dot(x: float, y: float) -> torch.Tensor:
    """White in black, [1, 3, 32, 48], ``x`` to the right of the middle and ``y`` down."""
    across = torch.arange(WIDTH) + 0.5 - WIDTH / 2 - x
    down = (torch.arange(HEIGHT) + 0.5 - HEIGHT / 2 - y)[:, None]
    return (-(across**2 + down**2) / 8).exp().expand(1, 3, -1, -1).contiguous()


def _middle(picture: torch.Tensor) -> tuple[float, float]:
    plane = picture[0, 0] / picture[0, 0].sum()
    across, down = torch.arange(WIDTH) + 0.5 - WIDTH / 2, torch.arange(HEIGHT) + 0.5 - HEIGHT / 2
    return float((plane.sum(0) * across).sum()), float((plane.sum(1) * down).sum())


@pytest.mark.parametrize(
    ("motion", "place"),
    [
        (Motion(zoom=1.5), (6, -3)),
        (Motion(zoom=0.75), (3, -1.5)),
        (Motion(degrees=90), (-2, -4)),  # counterclockwise: from the right to the top
        (Motion(degrees=-90), (2, 4)),
        (Motion(pan=(5, 1.5)), (9, -0.5)),
        (Motion(1.25, 90, (1, 2)), (-1.5, -3)),  # the pan comes later, and is not zoomed
    ],
)
def test_a_move_takes_a_point_where_the_formula_says(motion, place):
    assert _middle(moved(_dot(4, -2), motion)) == pytest.approx(place, abs=0.03)


@settings(max_examples=25, deadline=None)
@given(st.floats(1, 1.8), st.floats(-180, 180), st.floats(-4, 4), st.floats(-4, 4))
def test_a_move_is_the_affine_warp_of_kornia(zoom, degrees, across, down):
    picture = _dot(1, 1)
    middle = torch.tensor([[(WIDTH - 1) / 2, (HEIGHT - 1) / 2]])
    matrix = get_rotation_matrix2d(middle, torch.tensor([degrees]), torch.full((1, 2), zoom))
    matrix[..., 2] += torch.tensor([across, down])
    theirs = warp_affine(picture, matrix, (HEIGHT, WIDTH), mode="bicubic").clamp(0, 1)
    ours = moved(picture, Motion(zoom, degrees, (across, down)))
    inside = warp_affine(torch.ones_like(picture), matrix, (HEIGHT, WIDTH)) > 0.999
    assert ((ours - theirs).abs() * inside).max() < 2e-3  # beyond the border, kornia has black


@settings(max_examples=25, deadline=None)
@given(st.sampled_from([0, 1]), st.floats(-20, 20))
def test_a_turn_of_the_camera_is_the_homography_of_a_pure_rotation(axis, degrees):
    picture = _dot(1, 1)
    focal = WIDTH / 2 / math.tan(math.radians(20))
    camera = torch.tensor(
        [[focal, 0, (WIDTH - 1) / 2], [0, focal, (HEIGHT - 1) / 2], [0, 0, 1]], dtype=torch.float64
    )
    # The world turns by as much as the camera, the other way; with y down, right is about +y.
    angle = torch.zeros(1, 3, dtype=torch.float64)
    angle[0, 1 - axis] = math.radians(degrees) * (-1 if axis == 0 else 1)
    matrix = (camera @ axis_angle_to_rotation_matrix(angle)[0] @ camera.inverse())[None].float()
    theirs = warp_perspective(picture, matrix, (HEIGHT, WIDTH), mode="bicubic").clamp(0, 1)
    tilt = (degrees, 0.0) if axis == 0 else (0.0, degrees)
    ours = moved(picture, Motion(tilt=tilt))
    inside = warp_perspective(torch.ones_like(picture), matrix, (HEIGHT, WIDTH)) > 0.999
    assert inside.any()
    assert ((ours - theirs).abs() * inside).max() < 2e-3


def test_whole_pixels_move_exactly_and_the_border_is_mirrored():
    picture = torch.rand(1, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(1))
    right = moved(picture, Motion(pan=(3, 0)))
    assert torch.allclose(right[..., 3:], picture[..., :-3], atol=1e-5)
    assert torch.allclose(right[..., :3], picture[..., :3].flip(-1), atol=1e-5)
    square = picture[..., :HEIGHT]
    assert torch.allclose(moved(square, Motion(degrees=90)), square.rot90(1, (-2, -1)), atol=1e-4)
    assert torch.equal(moved(picture, Motion(1.1, 7)), moved(picture, Motion(1.1, 7)))


def test_fine_patterns_become_grey_where_everything_gets_smaller():
    rows = (torch.arange(HEIGHT)[:, None] + torch.arange(WIDTH)) % 2
    board = rows.float().expand(1, 3, -1, -1)
    assert (moved(board, Motion(zoom=0.5)) - 0.5).abs().max() < 0.06
    assert (moved(board, Motion(zoom=0.52)) - 0.5).abs().max() < 0.1
    flat = torch.full((2, 3, HEIGHT, WIDTH), 0.25)
    assert torch.allclose(moved(flat, Motion(0.9, 12, (3, 1))), flat, atol=1e-6)


MOVES = Motion(1.1, 5, (1, 0), every=2)


def _painting(motion: Motion | None = MOVES, words: str = "a fox", **changes: Any) -> Synthesis:
    recipe = tiny_recipe(motion=motion, **changes)
    return Synthesis(GENERATOR, PERCEPTOR, parse_prompts(words), recipe, 1)


def test_a_painting_moves_after_every_so_many_iterations_and_its_rest():
    assert [i for i in range(9) if Motion(every=2).moves_before(i)] == [3, 5, 7]
    assert [i for i in range(9) if Motion(every=1, rest=4).moves_before(i)] == [6, 7, 8]
    moving, still = _painting(), _painting(None)
    shown, plain = list(paint(moving)), list(paint(still))
    for i in range(3):
        assert torch.equal(shown[i].image, plain[i].image)
    assert not torch.equal(shown[3].image, plain[3].image)


def test_the_moved_picture_is_encoded_again():
    painting = _painting(None)
    for _ in range(3):
        painting.step()
    expected = GENERATOR.decode(
        GENERATOR.encode_latent(moved(painting.look().image[None], MOVES), painting.draws())
    )
    moving = _painting()
    for _ in range(3):
        moving.step()
    assert torch.equal(moving.step().image, expected.clamp(0, 1)[0])
    pixels = Synthesis(
        PixelGenerator(), PERCEPTOR, parse_prompts("a fox"), tiny_recipe(motion=MOVES), 1
    )
    for _ in range(3):
        before = pixels.step()
    before = pixels.look()
    assert torch.allclose(pixels.step().image, moved(before.image[None], MOVES)[0], atol=1e-6)


@pytest.mark.parametrize("changes", [{}, {"ema": 0.5}, {"latent": "codebook"}])
def test_it_resumes_bit_for_bit(changes):
    one, other = _painting(**changes), _painting(**changes)
    for _ in range(4):  # it moves before the fourth
        check_resumes(one, other)


def test_it_is_stepped_with_others_as_by_itself():
    together = [_painting(), _painting(None), _painting(Motion(0.9, every=1), "a hen")]
    assert len({shape_of(each) for each in together}) == 1
    alone = [_painting(), _painting(None), _painting(Motion(0.9, every=1), "a hen")]
    for _ in range(4):
        step_together(together)
        for each in alone:
            each.step()
    for one, other in zip(together, alone, strict=True):
        assert torch.allclose(one.look().image, other.look().image, atol=1e-4)


def test_a_step_that_fails_undoes_the_move(monkeypatch):
    painting = _painting(ema=0.5)
    for _ in range(3):
        painting.step()
    z, optimiser, average = painting.latent.z.clone(), painting.optimiser, painting.finished()
    monkeypatch.setattr(PERCEPTOR, "encode_image", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        painting.step()
    assert torch.equal(painting.latent.z, z)
    assert painting.optimiser is optimiser
    assert torch.equal(painting.finished(), average)


def test_a_request_moves_the_camera_at_a_constant_learning_rate(tiny):
    request = make_request("a fox", model="tiny", iterations=20, zoom=1.02, pan="2,-1", every=4)
    recipe = recipe_of(request, tiny)
    assert recipe.motion == Motion(1.02, 0.0, (2.0, -1.0), 4, rest=6)
    assert recipe.rate(0) == recipe.rate(19)
    assert recipe_of(request.with_values(more=9), tiny).motion == recipe.motion
    cosine = recipe_of(request.changed(schedule="cosine"), tiny)
    assert cosine.rate(19) < cosine.rate(0)
    assert recipe_of(make_request("a fox", model="tiny", zoom=1.0), tiny).motion is None


def test_an_edit_that_moves_is_given_back_in_the_picture_s_size(tiny):
    file = io.BytesIO()
    Image.new("RGB", (100, 80), "red").save(file, "PNG")
    values: dict[str, Any] = {"init_image": file.getvalue(), "models": tiny, "model": "tiny"}
    *_, last = imagine("a fox", zoom=1.5, every=1, iterations=4, seed=1, **values)
    assert last.full_size().size == (100, 80)
    small = last.to_pil().resize((100, 80), Image.Resampling.LANCZOS)
    assert last.full_size().tobytes() == small.tobytes()


@pytest.mark.parametrize("tilt", [(0.0, 0.0), (5.0, -3.0)])
def test_strokes_move_themselves(tilt):
    curves = CurvesGenerator()
    z = curves.random_latent(64, 96, Draws(3))
    before = {_colour(stroke): stroke for stroke in curves.strokes(z) or []}
    motion = Motion(1.2, 30, (4, -3), tilt=tilt)
    after = curves.strokes(curves.moved(z, motion)) or []
    close = 0
    for stroke in after:
        was = before[_colour(stroke)]
        # A camera that turned shows what is away from the middle larger.
        assert stroke.width == pytest.approx(
            min(was.width * 1.2, 24), rel=0.1 if any(tilt) else 1e-3
        )
        at, expected = complex(*stroke.points[0]), _forward(complex(*was.points[0]), motion)
        close += abs(at - expected) < 0.05
    # The others would be too far from their squares' middles, or beyond the border.
    assert close > len(after) / 2


def _colour(stroke: Stroke) -> tuple[float, ...]:
    return tuple(round(each, 4) for each in (*stroke.colour, stroke.opacity))


def _forward(place: complex, motion: Motion) -> complex:
    """Where a move takes a place in a picture of 96 x 64, as complex numbers with y down."""
    turned = (place - complex(48, 32)) * motion.zoom * cmath.exp(-1j * math.radians(motion.degrees))
    placed = turned + complex(*motion.pan)
    focal = 48 / math.tan(math.radians(20))
    right, down = (math.radians(each) for each in motion.tilt)
    # From the formula of a turn about y, then about x: what was ahead moves left and up.
    x, y, z = placed.real, placed.imag, focal
    x, z = x * math.cos(right) - z * math.sin(right), x * math.sin(right) + z * math.cos(right)
    y, z = y * math.cos(down) - z * math.sin(down), y * math.sin(down) + z * math.cos(down)
    return complex(focal * x / z, focal * y / z) + complex(48, 32)
