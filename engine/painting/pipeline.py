"""From a request to its pictures: models, recipe, start, loop."""

from __future__ import annotations

import platform
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib import metadata
from typing import Any

import torch

from engine.errors import ModelError, RequestError
from engine.models import Models, load_models
from engine.models.free_memory import free_bytes
from engine.models.identity import identity
from engine.models.vocabulary import check_reading
from engine.painting.framing import frame_of
from engine.painting.images import to_tensor
from engine.painting.init_image import read_source
from engine.painting.iterate import Iterate
from engine.painting.losses.aesthetic import AestheticHead, host_head
from engine.painting.memory_plan import MemoryPlan, prepare_memory
from engine.painting.picture_prompts import read_likenesses
from engine.painting.regions import regions_of, with_enough_cutouts
from engine.painting.steering_plan import steer, too_late
from engine.painting.synthesis import Synthesis
from engine.painting.unchanged import unchanged_picture
from engine.pictures.colours import over_white
from engine.pictures.given import Given, GivenPrompt, sound_of, take, take_prompts
from engine.random_numbers import SCHEME
from engine.request.edit_recipe import keep_of, strength_of, with_strength
from engine.request.from_text import request_from_text
from engine.request.growth import Growth, stages
from engine.request.limits import MAX_SEED, range_of
from engine.request.method.applied import with_choices, with_latent
from engine.request.method.regulariser import parse_regulariser
from engine.request.recipe import Recipe, make_recipe
from engine.request.request import ImageRequest
from engine.translatable import Translatable
from engine.version import version


def imagine(
    request: ImageRequest | str,
    *,
    pictures: Mapping[str, bytes] | None = None,
    init_image: Given | None = None,
    like: GivenPrompt | list[GivenPrompt] | None = None,
    regions: Mapping[str, Given] | None = None,
    sound: Given | None = None,
    models: Models | None = None,
    device: str = "auto",
    precision: str = "auto",
    check_memory: bool = True,
    **values: Any,
) -> Iterator[Iterate]:
    """Paint ``request``, yielding every iterate from the start to the finished picture.

    ``request`` is an ImageRequest, or a prompt with flags as on the command line; ``values`` are
    other fields of the request. A starting picture is given as ``init_image`` (a file's path or
    its bytes) or in ``pictures``, by SHA-256. ``like`` is a picture to paint like, or a list of
    them: each by itself, as "lemon.png:0.5", or as a tuple with its weight; ``regions`` has the
    masks of regions that the prompt names, as in "a castle @hill". ``sound`` is a WAV file whose
    loudness leads through a story. N iterations give N + 1 iterates, the last of which is the
    result; an edit with strength 0 gives one, the picture itself, and loads no model.
    ``check_memory`` refuses a picture that is too large for the free memory. Raises EngineError; if
    the request is wrong, before the first iterate::

        for iterate in imagine("a red star on a blue background", seed=7):
            print(iterate.iteration, iterate.losses)
        iterate.full_size().save("star.png")
    """
    pictures = dict(pictures or {})
    if init_image is not None:
        # Among the other fields, since strength and mask are refused without it.
        values["init_image"] = take(init_image, pictures)
    if like is not None:
        values["like"] = take_prompts(like, pictures)
    if regions is not None:
        values["regions"] = [
            {"name": name, "mask": take(given, pictures)} for name, given in regions.items()
        ]
    if sound is not None:
        values["loudness"] = sound_of(sound)
    if isinstance(request, str):
        request = request_from_text(request, **values)
    elif values:
        request = request.changed(**values)
    if request.count is not None:
        raise RequestError(
            "count asks for several pictures, and one is painted here; leave it out, and ask once "
            "for each seed."
        )
    if request.changes_nothing:
        image = over_white(unchanged_picture(request, pictures).image)
        return iter([Iterate(0, to_tensor(image, *image.size)[0], dict, 0.0)])
    models = models or load_models(request.networks, device=device, precision=precision)
    check_reading(request, models.perceptor.vocabulary, models.name)
    return paint(prepare(request, models, pictures, check_memory=check_memory))


def paint(synthesis: Synthesis) -> Iterator[Iterate]:
    """Step ``synthesis`` to its recipe's last iteration, yielding each iterate."""
    while synthesis.iteration < synthesis.recipe.iterations:
        yield synthesis.step()
    yield synthesis.look()


def prepare(
    request: ImageRequest,
    models: Models,
    pictures: Mapping[str, bytes] | None = None,
    *,
    check_memory: bool = True,
) -> Synthesis:
    """The Synthesis of a request; ``pictures`` has the bytes of its pictures by SHA-256.

    A request without a seed gets a random one (``Synthesis.seed``). Its iterations take as many
    passes as fit into the free memory. Raises RequestError if a picture is missing or unreadable,
    OutOfMemoryError if it would not fit, unless ``check_memory`` is False.
    """
    seed = secrets.randbelow(MAX_SEED + 1) if request.seed is None else request.seed
    likenesses, remarks = read_likenesses(request, pictures or {})
    if request.init_image is None:
        recipe = recipe_of(request, models)
        plan = _planned(models, recipe, check_memory)
        synthesis = Synthesis(
            models.generator,
            models.perceptor,
            request.prompts(),
            recipe,
            seed,
            remarks=(
                *_rounded(request, (recipe.width, recipe.height), models),
                *_untold(recipe),
                *remarks,
            ),
            likenesses=likenesses,
            head=_head(recipe, models),
            regions=regions_of(request, pictures or {}, (recipe.width, recipe.height)),
            noise=request.noises(),
        )
        return _with_plan(_steered(synthesis, request, pictures or {}), plan)
    source = read_source(request, pictures or {})
    frame, recipe = frame_of(
        source, request, lambda aspect: _edit_recipe(request, models, aspect), models.perceptor
    )
    plan = _planned(models, recipe, check_memory)
    start = frame.start()
    if request.grow is not None:
        if not frame.is_same_size:
            raise RequestError("grow can't paint a picture as long as this; leave grow out.")
        recipe = _growing(recipe, source.image.size, request.grow, models.generator.factor)
        start = to_tensor(source.image, recipe.width, recipe.height)
    keep = keep_of(request.keep, request.where)
    synthesis = Synthesis(
        models.generator,
        models.perceptor,
        request.prompts(),
        recipe,
        seed,
        start,
        frame.mask(),
        keep,
        (
            *_rounded(request, frame.picture.size, models),
            *_untold(recipe),
            *(*source.remarks, *remarks, *frame.remarks),
        ),
        frame,
        likenesses,
        _head(recipe, models),
        regions_of(request, pictures or {}, frame.size, frame),
        request.noises(),
    )
    return _with_plan(_steered(synthesis, request, pictures or {}), plan)


def _steered(
    synthesis: Synthesis, request: ImageRequest, pictures: Mapping[str, bytes]
) -> Synthesis:
    if request.steering is not None:
        steer(synthesis, request, pictures)
        synthesis.remarks += tuple(too_late(synthesis, request))
    return synthesis


def _planned(models: Models, recipe: Recipe, check_memory: bool) -> MemoryPlan | None:
    """How the recipe's iterations fit into the free memory; None unchecked."""
    if not check_memory:
        return None
    free = free_bytes(models.device)
    return prepare_memory(models.generator, models.perceptor, recipe, free)


def _head(recipe: Recipe, models: Models) -> AestheticHead | None:
    return host_head(models.perceptor) if recipe.losses.aesthetic else None


def _with_plan(synthesis: Synthesis, plan: MemoryPlan | None) -> Synthesis:
    if plan is not None:
        synthesis.recovery.plan(plan.passes, plan.recompute)
        synthesis.recovery.checks_memory = True
    return synthesis


def _growing(recipe: Recipe, start: tuple[int, int], factor: float, multiple: int) -> Recipe:
    """The recipe for the first stage from a picture of the size ``start`` to the recipe's own."""
    sizes = stages(start, (recipe.width, recipe.height), factor, multiple)
    growth = Growth(sizes, recipe.period or recipe.iterations)
    return replace(recipe, width=sizes[0][0], height=sizes[0][1], growth=growth)


def _rounded(request: ImageRequest, size: tuple[int, int], models: Models) -> list[str]:
    """A remark if the picture's ``size`` is not the one that the request sets."""
    asked = (request.width or size[0], request.height or size[1])
    if asked == size:
        return []
    return [
        Translatable(
            "The picture has {width}x{height} pixels, not {across}x{down}: this model paints "
            "multiples of {factor}.",
            width=size[0],
            height=size[1],
            across=asked[0],
            down=asked[1],
            factor=models.generator.factor,
        )
    ]


def _untold(recipe: Recipe) -> list[str]:
    """A remark if there are too few iterations for all parts of a story."""
    story = recipe.story
    if story is None or story.told == story.parts:
        return []
    return [
        Translatable(
            "With {every} iterations for each, only {told} of the {parts} parts of the story are "
            "painted.",
            every=story.every or 0,
            told=story.told,
            parts=story.parts,
        )
    ]


def _edit_recipe(request: ImageRequest, models: Models, aspect: float) -> Recipe:
    """The recipe for a part of this aspect, in the request's size if it sets one.

    A width or a height alone sets the size of the edit, but is not painted larger than usual.
    """
    width, height = request.width, request.height
    if (width or height) and (request.aspect is not None or (width and height)):
        return recipe_of(request, models, aspect)
    free = request.with_values(width=None, height=None, aspect=None)
    recipe = recipe_of(free, models, aspect)
    if width or height:
        asked = round(width**2 / aspect if width else (height or 0) ** 2 * aspect)
        if asked < recipe.width * recipe.height:
            return recipe_of(free.with_values(pixels=asked), models, aspect)
    return recipe


def recipe_of(request: ImageRequest, models: Models, aspect: float | None = None) -> Recipe:
    """The request's recipe, with a size in multiples of the generator's ``factor``.

    ``aspect`` is the starting picture's, used if the request has none. Raises RequestError if the
    aspect makes a side too long, ModelError if the model's defaults in the catalogue are wrong.
    """
    schedule = None
    if request.regulariser is not None:
        schedule, _ = parse_regulariser(request.regulariser)
    try:
        recipe = make_recipe(
            request.preset,
            models.defaults,
            width=request.width,
            height=request.height,
            iterations=request.iterations,
            cutouts=request.cutouts,
            learning_rate=request.learning_rate,
            regulariser=schedule,
            addition=request.addition,
            threshold=request.threshold,
        )
        recipe = with_latent(recipe, request.method, request.learning_rate)
        width, height = _size(request, recipe, aspect)
    except (KeyError, TypeError) as error:
        raise ModelError(
            "The catalogue's defaults for the model {model} can't be used ({reason}); "
            "correct its entry.",
            model=models.name,
            reason=error,
        ) from None
    most = range_of("width").high
    if max(width, height) > most:
        raise RequestError(
            "With that aspect the picture would have {width:.0f}x{height:.0f} "
            "pixels; the maximum is {most} per side.",
            width=width,
            height=height,
            most=most,
        )
    factor = models.generator.factor
    if request.init_image is not None:
        part = any(each is not None for each in (request.mask, request.where, request.extend))
        strength = strength_of(request.strength, request.preset, part)
        spread = recipe.spread
        recipe = with_strength(recipe, strength, iterations=request.iterations, schedule=schedule)
        if request.vary is not None:
            recipe = replace(recipe, vary=request.vary, spread=recipe.spread if part else spread)
    motion = request.motion(recipe.iterations, is_new=request.init_image is None)
    if motion is not None:
        # A rate that falls leaves too little to paint what has moved.
        recipe = replace(recipe, motion=motion, cooling=1.0)
    recipe = with_choices(recipe, request)
    return replace(
        with_enough_cutouts(recipe, request),
        tile=request.tile is True,
        iterations=recipe.iterations + (request.more or 0),
        period=recipe.iterations,
        story=request.story(recipe.iterations),
        width=max(factor, round(width / factor) * factor),
        height=max(factor, round(height / factor) * factor),
    )


def _size(request: ImageRequest, recipe: Recipe, aspect: float | None) -> tuple[float, float]:
    """Width and height in pixels; an aspect keeps the given side, or else the area."""
    aspect = aspect if request.aspect is None else request.aspect
    if request.width and request.height:
        return request.width, request.height
    if aspect is None:
        if request.width or request.height:
            return recipe.width, recipe.height
        aspect = recipe.width / recipe.height
    if request.width:
        return request.width, request.width / aspect
    if request.height:
        return request.height * aspect, request.height
    area = request.pixels or recipe.width * recipe.height
    return (area * aspect) ** 0.5, (area / aspect) ** 0.5


def provenance(synthesis: Synthesis, models: Models) -> dict[str, str | int]:
    """What a picture's bits depend on apart from the request; stored with each picture.

    Of an edit also the size of the painting and the part of the picture that it replaces.
    """
    facts: dict[str, str | int] = {
        "seed": synthesis.seed,
        "random": SCHEME,
        "model": models.name,
        "networks": identity(models),
        "device": _kind(models.device),
        "precision": _precision(synthesis, models),
        "torch": torch.__version__,
        "kornia": metadata.version("kornia"),
        "machine": platform.machine(),
        "threads": torch.get_num_threads(),
        "passes": synthesis.recovery.most_passes,
        "batch": synthesis.widest,
        "imagine-bot": version(),
    }
    if synthesis.head is not None:
        facts["aesthetic head"] = synthesis.head.sha256
    frame = synthesis.frame
    if frame is not None and not frame.is_same_size:
        facts["painted"] = f"{frame.size[0]}x{frame.size[1]}"
        facts["area"] = ",".join(map(str, frame.box))
    return facts


def _kind(device: torch.device) -> str:
    """The same for all devices that give the same bits: without a number, with a GPU's name."""
    return f"cuda, {torch.cuda.get_device_name(device)}" if device.type == "cuda" else device.type


def _precision(synthesis: Synthesis, models: Models) -> str:
    since = synthesis.recovery.float32_since
    if since is None or models.precision == "float32":
        return models.precision
    return f"{models.precision}, float32 from iteration {since}"
