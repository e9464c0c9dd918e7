"""Pictures of strokes, against a brute-force drawing of the same curves."""

import math

import pytest
import torch
from torch.testing import assert_close

from engine.errors import ModelError
from engine.models.generators.curves import CurvesGenerator, build
from engine.models.generators.stroke_layers import Grid, stacked
from engine.models.generators.strokes import coverage, nearest, pixel_centres
from engine.painting.synthesis import Synthesis
from engine.random_numbers import Draws
from engine.request.prompt import Prompt
from engine.request.recipe import Recipe
from tests.engine.tiny import PLAIN, check_resumes, tiny_perceptor


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def random_strokes(count=12, reach=14.0, seed=0):
    """Control points [N, 4, 2] within ``reach`` pixels, and radii [N]."""
    points = (torch.rand(count, 4, 2, generator=rng(seed), dtype=torch.float64) * 2 - 1) * reach
    return points, torch.rand(count, generator=rng(seed + 1), dtype=torch.float64) * 4 + 0.5


def on_curve(points, count=401):
    """Many points of cubic curves, by de Casteljau's construction: [N, count, 2]."""
    t = torch.linspace(0, 1, count, dtype=points.dtype).view(1, 1, -1, 1)
    rest = points[:, :, None]
    while rest.shape[1] > 1:
        rest = (1 - t) * rest[:, :-1] + t * rest[:, 1:]
    return rest[:, 0]


def brute_distance(points, places):
    """The distance of each of ``places`` [P, 2] from curves, [N, P]."""
    return torch.stack([torch.cdist(places, each).min(1).values for each in on_curve(points)])


def test_the_nearest_point_of_a_curve_is_found():
    points, _ = random_strokes(30)
    grid = pixel_centres(32, points)
    t = nearest(points, grid)
    weights = torch.stack([(1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t * t, t**3], dim=2)
    distance, best = (weights @ points - grid).norm(dim=2), brute_distance(points, grid)
    away = (distance - best)[best < 6]
    assert away.mean() < 0.002
    assert away.quantile(0.99) < 0.01
    assert away.max() < 2  # a few pixels between two parts of a curve take the other one


@pytest.mark.parametrize("softness", [0.3, 0.7])
def test_strokes_cover_what_a_fine_drawing_covers(softness):
    """A pixel's share of a stroke, counted in 4 x 4 points, except at its soft edge."""
    points, radius = random_strokes(6, reach=10)
    fine = pixel_centres(32 * 4, points) / 4
    inside = brute_distance(points, fine).view(-1, 128, 128) <= radius[:, None, None]
    share = torch.nn.functional.avg_pool2d(inside.double()[:, None], 4)[:, 0]
    covered = coverage(points, radius, 32, softness)
    assert (covered - share).abs().mean() < 0.06 * softness
    assert ((covered > 0.5) == (share > 0.5)).double().mean() > 0.99


def test_gradients_are_those_of_small_changes():
    """Of strokes without loops, since where two parts are equally near the slope has a kink."""
    bends, radius = random_strokes(3, reach=2.0, seed=5)
    line = torch.tensor([[-6.0, -3], [-2, -1], [2, 1], [6, 3]], dtype=torch.float64)
    points = (line + bends).requires_grad_()
    radius.requires_grad_()
    weights = torch.rand(3, 24, 24, generator=rng(), dtype=torch.float64)

    def total(points, radius):
        return (coverage(points, radius, 24, 2.0) * weights).sum()

    own = torch.autograd.grad(total(points, radius), (points, radius))
    for tensor, gradient in zip((points, radius), own, strict=True):
        direction = torch.randn(tensor.shape, generator=rng(1), dtype=torch.float64)
        small = 1e-4 * direction
        with torch.no_grad():
            ends = [
                total(
                    *(each + sign * small if each is tensor else each for each in (points, radius))
                )
                for sign in (1, -1)
            ]
        slope = (ends[0] - ends[1]) / 2e-4
        assert_close((gradient * direction).sum(), slope, rtol=1e-3, atol=1e-3)


def test_a_stroke_of_no_length_has_a_finite_gradient():
    points = torch.zeros(1, 4, 2, requires_grad=True)
    coverage(points, torch.ones(1), 8, 0.7).sum().backward()
    assert points.grad is not None
    assert points.grad.isfinite().all()


@pytest.mark.parametrize(("height", "width"), [(48, 64), (16, 16), (96, 32)])
def test_a_picture_is_its_strokes_one_over_the_other(height, width):
    """Each pixel, from the strokes in the order in which an SVG draws them."""
    generator = build({}, {})
    z = generator.random_latent(height, width, Draws(2))
    assert z.shape == (1, 13, height // 16, width // 16)
    picture = torch.ones(3, height, width)
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    places = torch.stack([x, y], dim=2).view(-1, 2)
    strokes = generator.strokes(z)
    assert len(strokes) == height * width // 256
    for stroke in strokes:
        distance = brute_distance(torch.tensor([stroke.points]), places).view(height, width)
        alpha = stroke.opacity * torch.sigmoid((stroke.width / 2 - distance) / generator.softness)
        picture = picture.lerp(torch.tensor(stroke.colour).view(3, 1, 1), alpha)
    difference = (generator.decode(z)[0] - picture).abs()
    assert difference.quantile(0.99) < 0.01
    assert difference.mean() < 0.001


def test_layers_over_each_other_have_the_gradients_of_one_stroke_after_the_other():
    grid = Grid(rows=4, columns=5, spacing=3, reach=1)
    alpha = torch.rand(4, 5, 9, 9, generator=rng(), dtype=torch.float64).requires_grad_()
    colour = torch.rand(4, 5, 3, generator=rng(1), dtype=torch.float64).requires_grad_()
    paper = torch.ones(3, dtype=torch.float64)
    plain = torch.ones(3, 12 + 6, 15 + 6, dtype=torch.float64)  # with a border
    for down, across in grid.layers():
        for row in range(down, 4, 3):
            for column in range(across, 5, 3):
                place = (slice(3 * row, 3 * row + 9), slice(3 * column, 3 * column + 9))
                hides = torch.zeros(12 + 6, 15 + 6, dtype=torch.float64)
                hides = hides.index_put(
                    tuple(torch.meshgrid(*(torch.arange(18 + 3)[s] for s in place), indexing="ij")),
                    alpha[row, column],
                )
                plain = plain * (1 - hides) + colour[row, column].view(3, 1, 1) * hides
    plain = plain[:, 3:-3, 3:-3]
    ours = stacked(alpha, colour, paper, grid)
    assert_close(ours, plain)
    weight = torch.rand(plain.shape, generator=rng(2), dtype=torch.float64)
    for own, theirs in zip(
        *(torch.autograd.grad((each * weight).sum(), (alpha, colour)) for each in (ours, plain)),
        strict=True,
    ):
        assert_close(own, theirs)


def test_strokes_at_their_bounds_stay_within_their_square():
    """Where a square of the largest strokes ends, they have faded."""
    generator = CurvesGenerator()
    low, high = generator.bounds()
    z = torch.where(torch.rand(1, 13, 8, 8, generator=rng()) < 0.5, low, high)
    z[:, 8] = high[:, 8]
    z[:, 12] = low[:, 12]
    z[0, 12, 4, 4] = high[0, 12]  # one that is seen
    z[0, 9:12, 4, 4] = low[0, 9:12].flatten()
    one = generator.decode(z)[0]
    z[0, 12, 4, 4] = low[0, 12]
    changed = (one - generator.decode(z)[0]).abs().amax(0)
    assert changed.max() > 0.5
    border = torch.ones(128, 128, dtype=torch.bool)
    border[32:112, 32:112] = False
    assert changed[border].max() == 0
    inner = changed[32:112, 32:112]
    assert max(inner[0].max(), inner[-1].max(), inner[:, 0].max(), inner[:, -1].max()) < 0.02


def test_a_picture_to_start_from_is_drawn_in_its_colours():
    picture = torch.zeros(1, 3, 64, 96)
    picture[:, 0, :, 48:] = 1
    picture[:, 2, :, :48] = 1
    generator = CurvesGenerator()
    drawn = generator.decode(generator.encode_latent(picture))
    assert (drawn - picture).abs().mean() < 0.12
    assert (drawn - picture)[..., 8:-8, 8:40].abs().mean() < 0.03
    grey = generator.decode(generator.encode_latent(torch.full((1, 3, 64, 64), 0.3)))
    assert (grey[..., 16:-16, 16:-16] - 0.3).abs().mean() < 0.02
    assert (grey - 0.3).abs().mean() < 0.1


def painting(recipe, **values):
    return Synthesis(
        CurvesGenerator().eval(), tiny_perceptor(), [Prompt("a fox")], recipe, 3, **values
    )


RECIPE = Recipe(width=48, height=32, iterations=6, augmentation=PLAIN, learning_rate=0.3)


def test_it_paints_the_same_again_and_continues_from_a_saved_state():
    one, other = painting(RECIPE), painting(RECIPE)
    before = one.look().image
    for _ in range(3):
        one.step()
    check_resumes(one, other)
    assert (one.look().image - before).abs().mean() > 0.01
    low, high = CurvesGenerator().bounds()
    assert (one.latent.z >= low).all()
    assert (one.latent.z <= high).all()


def test_outside_a_mask_the_original_stays_exactly_and_strokes_stand_still():
    start = torch.rand(1, 3, 32, 48, generator=rng()) * 0.8 + 0.1
    mask = torch.zeros(1, 1, 32, 48)
    mask[..., :16] = 1
    synthesis = painting(RECIPE, start=start, mask=mask)
    before = synthesis.latent.z.detach().clone()
    for _ in range(3):
        synthesis.step()
    image = synthesis.look().image
    assert torch.equal(image[..., 33:], start[0, ..., 33:])
    assert torch.equal(synthesis.latent.z[..., 1:], before[..., 1:])
    assert not torch.equal(synthesis.latent.z[..., :1], before[..., :1])


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"spacing": 7}, "`spacing` must be a whole number between 8 and 64"),
        ({"spacing": 10.5}, "`spacing` must be a whole number"),
        ({"reach": 0}, "`reach` must be a whole number"),
        ({"softness": math.inf}, "`softness` must be a number"),
        ({"colour": 3}, "no setting `colour`"),
    ],
)
def test_wrong_settings_are_named(settings, says):
    with pytest.raises(ModelError, match=says):
        build({}, settings)


def test_other_settings_have_another_fingerprint():
    prints = {
        CurvesGenerator(**values).fingerprint()
        for values in ({}, {"spacing": 8}, {"reach": 1}, {"broad": 1.0}, {"softness": 1.0})
    }
    assert len(prints) == 5
