"""Folders of Hugging Face's transformers with a CLIP (``CLIPModel``).

The networks are OpenAI's under other names, so they become an OpenAI-format CLIP. The config says
what weights don't show.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from engine.errors import CheckpointError
from engine.models.checkpoints import read_tensors
from engine.models.part_settings import check_names
from engine.models.perceptors.clip_architecture import (
    NORMALISATIONS,
    ClipArchitecture,
    read_statement,
)
from engine.models.perceptors.clip_sizes import clip_sizes
from engine.models.perceptors.openai_clip import ClipPerceptor, assemble
from engine.models.perceptors.transformers_files import (
    epsilon_of,
    gelu_of,
    heads_of,
    openai_layers,
    read_config,
    read_preprocessor,
    renamed,
)
from engine.models.state_dict import Uninitialised, fill
from engine.models.tensor_names import unwrapped
from engine.translatable import Translatable

# What transformers takes for a setting that a config doesn't have.
_HEADS = {"vision": 12, "text": 8}
_GELU, _EPSILON = "quick_gelu", 1e-5
_NAMES = {
    "vision_model.embeddings.class_embedding": "visual.class_embedding",
    "vision_model.embeddings.patch_embedding.": "visual.conv1.",
    "vision_model.embeddings.position_embedding.weight": "visual.positional_embedding",
    "vision_model.pre_layrnorm.": "visual.ln_pre.",  # spelled so in transformers
    "vision_model.post_layernorm.": "visual.ln_post.",
    "vision_model.": "visual.",
    "text_model.embeddings.token_embedding.": "token_embedding.",
    "text_model.embeddings.position_embedding.weight": "positional_embedding",
    "text_model.final_layer_norm.": "ln_final.",
    "text_model.": "",
}
_PROJECTIONS = {
    "visual_projection.weight": "visual.proj",
    "text_projection.weight": "text_projection",
}


def build(files: Mapping[str, Path], settings: Mapping[str, Any]) -> ClipPerceptor:
    """The perceptor of a ``config``, a ``checkpoint`` and, if there is one, a ``preprocessor``.

    See engine.models.kinds. Without a preprocessor_config.json the setting ``normalisation`` has
    to say how pictures were normalised in training.
    """
    check_names(settings, ("normalisation",))
    stated = read_statement(settings).normalisation
    config = read_config(files["config"], ("clip",))
    if "preprocessor" in files:
        mean, std, interpolation = read_preprocessor(files["preprocessor"])
    elif stated is None:
        raise CheckpointError(
            "The checkpoint doesn't show how its pictures are normalised: put its "
            "preprocessor_config.json in the same folder, or set `normalisation` in its catalogue "
            "entry (`imagine-models add --normalisation`)."
        )
    else:
        (mean, std), interpolation = NORMALISATIONS[stated], "bicubic"
    clip = _network(openai_tensors(read_tensors(files["checkpoint"])), config)
    return ClipPerceptor(clip, None, mean, std, interpolation).eval().requires_grad_(False)


def _network(tensors: dict[str, Tensor], config: Mapping[str, Any]) -> Any:
    sizes = clip_sizes(tensors)
    vision, text = config["vision_config"], config["text_config"]
    gelus = [gelu_of(tower, _GELU) for tower in (vision, text)]
    if gelus[0] != gelus[1] or gelus[0] == "tanh":
        raise CheckpointError(
            "The config has the activations {names}; both towers of a CLIP have either QuickGELU "
            "or GELU.",
            names=", ".join(tower.get("hidden_act", _GELU) for tower in (vision, text)),
        )
    architecture = ClipArchitecture(
        heads_of(vision, _HEADS["vision"], sizes.vision_width),
        heads_of(text, _HEADS["text"], sizes.text_width),
        gelus[0] == "quick",
    )
    with Uninitialised():
        clip = assemble(sizes, architecture)
    for part, tower in ((clip.visual, vision), (clip.transformer, text), (clip.ln_final, text)):
        for module in part.modules():
            if isinstance(module, nn.LayerNorm):
                module.eps = epsilon_of(tower, _EPSILON)
    fill(clip, tensors, Translatable("a CLIP of Hugging Face's transformers"))
    return clip


def openai_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a ``CLIPModel`` under OpenAI's names."""
    named = renamed(openai_layers(unwrapped(tensors)), _NAMES)
    for theirs, ours in _PROJECTIONS.items():
        if theirs in named:
            named[ours] = named.pop(theirs).T
    return named
