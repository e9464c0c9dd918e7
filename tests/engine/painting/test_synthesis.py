"""The loop: reproducible, saved and restored, looked at."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
import torch

from engine.errors import NumericalError, RequestError
from engine.models.codebook import nearest_codes
from engine.painting.iterate import Iterate
from engine.painting.losses import smoothness_loss
from engine.painting.optimisers import Adam
from engine.painting.pipeline import paint
from engine.painting.synthesis import Synthesis
from engine.request.edit_recipe import strength_of
from engine.request.method.regulariser import Regulariser
from engine.request.prompt import Prompt
from engine.request.recipe import PRESETS, Augmentation, Early, Recipe, make_recipe
from tests.engine.painting.test_picture_losses import ALL
from tests.engine.tiny import PLAIN, tiny_generator, tiny_perceptor, tiny_recipe

FULL = Augmentation(count=4)


def _synthesis(seed: int = 1, start: torch.Tensor | None = None, **changes: Any) -> Synthesis:
    recipe = tiny_recipe(**{"augmentation": FULL, **changes})
    return Synthesis(
        tiny_generator(), tiny_perceptor(), [Prompt("a red star")], recipe, seed, start
    )


def _finish(synthesis: Synthesis) -> list[Iterate]:
    return list(paint(synthesis))


def test_a_painting_has_one_iterate_more_than_iterations() -> None:
    iterates = _finish(_synthesis())
    assert [each.iteration for each in iterates] == [0, 1, 2, 3, 4, 5, 6]
    assert iterates[-1].image.shape == (3, 24, 32)
    assert all(each.image.min() >= 0 and each.image.max() <= 1 for each in iterates)
    assert iterates[-1].seconds >= iterates[0].seconds > 0
    assert iterates[-1].to_pil().size == (32, 24)


@pytest.mark.parametrize("latent", ["quantised", "codebook"])
def test_the_same_seed_paints_the_same_pixels_and_another_seed_others(latent: str) -> None:
    first = _finish(_synthesis(latent=latent))[-1].image
    torch.rand(3)  # draws from torch's own generator change nothing
    assert torch.equal(first, _finish(_synthesis(latent=latent))[-1].image)
    assert not torch.equal(first, _finish(_synthesis(seed=2, latent=latent))[-1].image)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"latent": "codebook"},
        {"restart_every": 2, "restarts": 2},
        {"cooling": 0.1},
        {"smoothness": 2.0},
        {"regulariser": Regulariser(0.5, "linear", "start")},
        ALL,
    ],
    ids=str,
)
def test_saved_half_way_and_restored_it_ends_in_the_same_pixels(changes: dict[str, Any]) -> None:
    whole = _finish(_synthesis(**changes))
    half = _synthesis(**changes)
    for _ in range(3):
        half.step()
    file = io.BytesIO()
    torch.save(half.state_dict(), file)
    file.seek(0)
    again = _synthesis(seed=99, **changes)
    again.load_state_dict(torch.load(file, weights_only=True))
    rest = _finish(again)
    assert [each.iteration for each in rest] == [3, 4, 5, 6]
    for one, other in zip(rest, whole[3:], strict=True):
        assert torch.equal(one.image, other.image)
        assert one.losses == other.losses


def test_adam_is_made_new_when_and_as_often_as_in_the_authors_notebook() -> None:
    """After iterations 50, 100, 150, 200 and 250, counted from 0, and then no more."""
    recipe = PRESETS["notebook"]
    made = [i for i in range(400) if recipe.restarts_before(i)]
    assert made == [51, 101, 151, 201, 251]
    assert not any(PRESETS["paper"].restarts_before(i) for i in range(400))
    synthesis = _synthesis(restart_every=2, restarts=1, iterations=6)
    steps = []
    while synthesis.iteration < 6:
        synthesis.step()
        assert isinstance(synthesis.optimiser, Adam)
        steps.append(synthesis.optimiser.steps)
    assert steps == [1, 2, 3, 1, 2, 3]


def test_prompts_are_summed_or_averaged() -> None:
    """Section 2.5 adds the losses, H.1 averages them; weights count either way."""
    prompts = [Prompt("a red star"), Prompt("fog", 0.5), Prompt("snow", -1.5)]

    def painted(addition: str) -> Synthesis:
        recipe = tiny_recipe(augmentation=FULL, addition=addition, regulariser=Regulariser(0.5))
        synthesis = Synthesis(tiny_generator(), tiny_perceptor(), prompts, recipe, 1)
        synthesis.step()
        return synthesis

    summed, averaged = painted("sum").losses, painted("mean").losses
    for prompt in prompts:
        assert averaged[str(prompt)] == pytest.approx(summed[str(prompt)] / 3)
    # So the regulariser weighs three times as much beside them.
    assert averaged["regulariser"] == summed["regulariser"]


@pytest.mark.parametrize(("start", "anchored"), [(None, False), (torch.rand(1, 3, 24, 32), True)])
def test_the_notebook_pulls_to_zero_or_to_the_starting_picture(
    start: torch.Tensor | None, anchored: bool
) -> None:
    synthesis = _synthesis(start=start, regulariser=PRESETS["notebook"].regulariser)
    assert (synthesis.anchor is not None) == anchored
    if synthesis.anchor is not None:
        assert torch.equal(synthesis.anchor, synthesis.latent.initial)


def test_looking_changes_nothing() -> None:
    watched, left_alone = _synthesis(latent="codebook"), _synthesis(latent="codebook")
    for _ in range(3):
        watched.look()
        assert torch.equal(watched.step().image, left_alone.step().image)


def test_the_loss_falls() -> None:
    synthesis = _synthesis(augmentation=PLAIN, iterations=40, learning_rate=0.3)
    losses = [iterate.losses["total"] for iterate in _finish(synthesis)]
    assert sum(losses[-5:]) < 0.95 * sum(losses[:5])  # each alone depends on its crops


def test_every_prompt_has_its_own_loss_even_with_a_loss_s_name() -> None:
    words = ["total", "a red star", "regulariser", "a red star", "smoothness"]
    synthesis = Synthesis(
        tiny_generator(),
        tiny_perceptor(),
        [Prompt(each) for each in words],
        tiny_recipe(augmentation=FULL, regulariser=Regulariser(0.5), smoothness=0.5),
        1,
    )
    losses = synthesis.step().losses
    assert set(losses) == {
        "total",
        '"total"',
        "a red star",
        '"regulariser"',
        "regulariser",
        '"smoothness"',
        "smoothness",
    }
    total = losses.pop("total")
    assert total == pytest.approx(sum(losses.values()), rel=1e-5)


def test_a_weight_on_smoothness_paints_flatter() -> None:
    rough, flat = (
        _finish(
            _synthesis(augmentation=PLAIN, iterations=20, learning_rate=0.3, smoothness=weight)
        )[-1].image
        for weight in (0.0, 20.0)
    )
    left, made = (smoothness_loss(image[None], 1.0).item() for image in (rough, flat))
    assert made < 0.9 * left


def test_an_edited_picture_keeps_its_own_texture() -> None:
    start = torch.rand(1, 3, 24, 32)
    one, other = (_finish(_synthesis(start=start, smoothness=weight)) for weight in (0.0, 20.0))
    assert torch.equal(one[-1].image, other[-1].image)
    assert "smoothness" not in other[0].losses


def test_z_stays_within_the_codebook_channel_by_channel() -> None:
    synthesis = _synthesis(learning_rate=50.0)
    assert synthesis.generator.codebook is not None
    low, high = synthesis.generator.codebook.aminmax(dim=0)
    for _ in range(3):
        synthesis.step()
        z = synthesis.latent.z[0].flatten(1)
        assert (z >= low[:, None]).all()
        assert (z <= high[:, None]).all()
        assert (z == high[:, None]).any()


def test_a_painting_that_starts_from_a_picture_starts_as_that_picture() -> None:
    generator = tiny_generator()
    start = torch.rand(1, 3, 24, 32)
    synthesis = _synthesis(start=start)
    expected = generator.decode(generator.embed(generator.encode(start), 12, 16)).clamp(0, 1)
    assert torch.equal(synthesis.look().image, expected[0])


def test_a_gumbel_start_is_random_but_the_seeds_own() -> None:
    start = torch.rand(1, 3, 24, 32)

    def first(seed: int) -> torch.Tensor:
        return (
            Synthesis(
                tiny_generator(gumbel=True),
                tiny_perceptor(),
                [Prompt("x")],
                tiny_recipe(),
                seed,
                start,
            )
            .look()
            .image
        )

    assert torch.equal(first(1), first(1))
    assert not torch.equal(first(1), first(2))


def test_a_loss_that_is_not_finite_stops_before_the_latent_changes() -> None:
    synthesis = _synthesis()
    synthesis.step()
    before = synthesis.latent.z.detach().clone()
    (target,) = synthesis.targets.targets
    broken = replace(target, weight=float("nan"))
    synthesis._first_targets = replace(synthesis.targets, targets=(broken,))
    with pytest.raises(NumericalError, match="iteration 1"):
        synthesis.step()
    assert torch.equal(before, synthesis.latent.z)


def test_a_state_of_another_size_is_refused() -> None:
    state = _synthesis(width=16).state_dict()
    with pytest.raises(RequestError, match="same model"):
        _synthesis().load_state_dict(state)


def test_a_size_between_tokens_is_refused() -> None:
    with pytest.raises(RequestError, match="multiples of 2"):
        _synthesis(width=33)


def test_long_prompts_are_cut_with_a_notice() -> None:
    recipe = tiny_recipe()
    synthesis = Synthesis(tiny_generator(), tiny_perceptor(), [Prompt("word " * 40)], recipe, 1)
    (notice,) = synthesis.notices()
    assert "26 tokens longer than the 14 that this model reads" in notice


def test_presets_have_the_papers_numbers() -> None:
    paper = make_recipe("paper", {"width": 128, "height": 64, "iterations": 7})
    assert (paper.learning_rate, paper.betas, paper.iterations) == (0.15, (0.9, 0.999), 400)
    assert (paper.width, paper.height) == (128, 64)
    augmentation = paper.augmentation
    assert all(
        getattr(augmentation, name) > 0
        for name in ("flip", "affine", "perspective", "jitter", "noise")
    )
    assert paper.regulariser.weight > 0
    assert paper.regulariser.schedule == "linear"


def test_requests_override_the_models_defaults_which_override_the_preset() -> None:
    defaults = {"iterations": 50, "augmentation": {"count": 8, "flip": 0.0}}
    assert make_recipe("default", defaults).augmentation.count == 8
    recipe = make_recipe(
        "default", defaults, iterations=3, cutouts=5, regulariser="geometric", learning_rate=None
    )
    assert (recipe.iterations, recipe.augmentation.count, recipe.augmentation.flip) == (3, 5, 0.0)
    assert recipe.regulariser.schedule == "geometric"
    assert recipe.regulariser.weight > 0
    assert recipe.learning_rate == Recipe().learning_rate
    with pytest.raises(KeyError, match="speling"):
        make_recipe("default", {"speling": 1})


def test_a_start_with_little_spread_is_one_tone_and_still_the_seeds_own() -> None:
    whole, narrow, other = _synthesis(), _synthesis(spread=0.01), _synthesis(seed=2, spread=0.01)
    assert narrow.generator.codebook is not None
    mean = narrow.generator.mean_latent()
    far = (whole.latent.z - mean).abs().mean()
    near = (narrow.latent.z - mean).abs().mean()
    assert near.item() == pytest.approx(0.01 * far.item(), rel=0.01)
    codes = nearest_codes(narrow.latent.z.detach(), narrow.generator.codebook)
    assert len(codes.unique()) <= 2
    assert not torch.equal(narrow.latent.z, other.latent.z)
    start = torch.rand(1, 3, 24, 32)
    assert torch.equal(
        _synthesis(start=start, spread=0.01).latent.z, _synthesis(start=start).latent.z
    )


def test_a_painting_that_cools_takes_smaller_steps_towards_its_end() -> None:
    recipe = Recipe(iterations=8, learning_rate=0.4, cooling=0.25)
    assert [recipe.rate(i) for i in (0, 4, 8, 20)] == pytest.approx([0.4, 0.25, 0.1, 0.1])
    assert Recipe(learning_rate=0.4).rate(300) == 0.4  # as in the paper
    # Four more iterations are the same, whether requested now or later.
    longer = replace(recipe, iterations=12, period=8)
    assert [longer.rate(i) for i in (0, 4, 8, 10)] == pytest.approx([0.4, 0.25, 0.4, 0.325])
    moved = {}
    for cooling in (1.0, 0.0):
        synthesis = _synthesis(iterations=10, cooling=cooling, clamp=False)
        path = []
        for _ in range(10):
            before = synthesis.latent.z.detach().clone()
            synthesis.step()
            path.append((synthesis.latent.z.detach() - before).norm().item())
        moved[cooling] = path
    assert moved[0.0][0] == pytest.approx(moved[1.0][0])
    assert moved[0.0][9] < 0.2 * moved[1.0][9]


def test_a_pull_is_equally_strong_for_any_scale_of_the_codebook() -> None:
    """The same generator with numbers four times larger: steps and pull scale with them."""
    small, large = tiny_generator(torch.float64), tiny_generator(torch.float64)
    large.codebook.data.mul_(4)
    large.model.quant_conv.weight.data.mul_(4)
    assert large.model.quant_conv.bias is not None
    large.model.quant_conv.bias.data.mul_(4)
    large.model.post_quant_conv.weight.data.div_(4)
    start = torch.rand(
        1, 3, 24, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(4)
    )
    recipe = tiny_recipe(
        step="codebook", learning_rate=0.1, regulariser=Regulariser(0.3, "constant", "start")
    )
    losses = []
    for generator in (small, large):
        synthesis = Synthesis(
            generator, tiny_perceptor(torch.float64), [Prompt("a fox")], recipe, 3, start
        )
        losses.append([synthesis.step().losses["regulariser"] for _ in range(4)])
    assert losses[0][1] > 1e-4
    assert losses[1] == pytest.approx(losses[0], rel=0.02)


def test_early_cutouts_are_fewer_until_their_share_is_over() -> None:
    recipe = tiny_recipe(early=Early(share=0.5, count=1), iterations=6)
    synthesis = Synthesis(tiny_generator(), tiny_perceptor(), [Prompt("a fox")], recipe, 1)
    seen: list[int] = []
    synthesis.perceptor.get_submodule("clip.visual").register_forward_pre_hook(
        lambda _, inputs: seen.append(len(inputs[0]))
    )
    for _ in range(8):
        synthesis.step()
    assert seen == [1, 1, 1, 3, 3, 3, 3, 3]


def test_cutouts_of_another_size_need_a_perceptor_for_any_side() -> None:
    sized = tiny_recipe(augmentation=replace(PLAIN, size=32))
    fixed = Synthesis(tiny_generator(), tiny_perceptor(), [Prompt("a fox")], sized, 1)
    plain = Synthesis(tiny_generator(), tiny_perceptor(), [Prompt("a fox")], tiny_recipe(), 1)
    assert torch.equal(fixed.step().image, plain.step().image)
    assert torch.equal(fixed.look().image, plain.look().image)


def test_fast_takes_half_the_models_iterations_with_larger_steps() -> None:
    defaults = {"iterations": 81, "learning_rate": 0.5, "width": 64, "early": {"share": 0.5}}
    usual, fast = (make_recipe(preset, defaults) for preset in ("default", "fast"))
    assert fast.iterations == 40
    assert fast.learning_rate == pytest.approx(0.8)
    assert replace(fast, iterations=81, learning_rate=0.5) == usual
    assert make_recipe("fast", defaults, iterations=30).iterations == 30
    assert PRESETS["fast"].iterations == 200
    assert strength_of(None, "fast", part=False) == strength_of(None, "default", part=False)


def test_a_requested_number_of_cutouts_applies_from_the_first_iteration() -> None:
    defaults = {"early": {"share": 0.5, "count": 2}, "cutouts": 9}
    assert make_recipe("default", defaults).augmentation_at(0).count == 2
    assert make_recipe("default", defaults).augmentation_at(399).count == 9
    assert make_recipe("default", defaults, cutouts=5).augmentation_at(0).count == 5
    assert make_recipe("paper", defaults).augmentation_at(0).count == 32
