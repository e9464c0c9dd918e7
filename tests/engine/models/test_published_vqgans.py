"""Every VQGAN that people paint with, in its published layout: loaded, painted with, resumed.

The configs are those of CompVis/taming-transformers (README, ``configs/``) and of the yaml files
next to the checkpoints. Those of COCO, FacesHQ and S-FLCKR are of whole transformers, of which only
the first stage paints. Here they have the published levels, 32 wide, and 40 codes.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import Tensor

from bench.timing.weights import FULL
from engine.models.generators.taming import VQGenerator, VQModel
from engine.models.generators.taming_yaml import vq_config
from engine.models.kinds import GENERATORS
from engine.models.recognition import recognise
from engine.painting.synthesis import Synthesis
from engine.request.prompt import Prompt
from engine.request.recipe import Recipe
from tests.checkpoints import CODES, WIDTH, write_lightning
from tests.engine.tiny import PLAIN, check_resumes, tiny_perceptor


def _vq(codes: int, kind: str = "VQModel", **changes: Any) -> dict[str, Any]:
    """A first stage as in ``configs/imagenet_vqgan.yaml``, with ``changes`` of its ddconfig."""
    return {
        "target": f"taming.models.vqgan.{kind}",
        "params": {
            "embed_dim": FULL.embed_dim,
            "n_embed": codes,
            "ddconfig": {**FULL.ddconfig, **changes},
        },
    }


def _gumbel() -> dict[str, Any]:
    stage = _vq(8192, "GumbelVQ", ch_mult=[1, 1, 2, 4], attn_resolutions=[32])
    scheduler = "taming.lr_scheduler.LambdaWarmUpCosineScheduler"
    stage["params"] |= {
        "kl_weight": 1e-8,
        "monitor": "val/rec_loss",
        "temperature_scheduler_config": {"target": scheduler, "params": {"warm_up_steps": 0}},
        "lossconfig": {"target": "taming.modules.losses.vqperceptual.DummyLoss"},
    }
    return stage


def _transformer(codes: int, key: str, condition: dict[str, Any]) -> dict[str, Any]:
    gpt = {"vocab_size": codes, "block_size": 512, "n_layer": 24, "n_head": 16, "n_embd": 1024}
    return {
        "target": "taming.models.cond_transformer.Net2NetTransformer",
        "params": {
            "cond_stage_key": key,
            "transformer_config": {
                "target": "taming.modules.transformer.mingpt.GPT",
                "params": gpt,
            },
            "first_stage_config": _vq(codes),
            "cond_stage_config": condition,
        },
    }


def _labels(count: int) -> dict[str, Any]:
    stage = _vq(1024, "VQSegmentationModel", in_channels=count, out_ch=count)
    stage["params"] |= {"image_key": "segmentation", "n_labels": count}
    return stage


_COORDINATES = {
    "target": "taming.modules.misc.coord.CoordStage",
    "params": {"n_embed": 1024, "down_factor": 16},
}
_BOXES = {
    "target": "taming.models.dummy_cond_stage.DummyCondStage",
    "params": {"conditional_key": "objects_bbox"},
}
PUBLISHED = {  # the model in the yaml; its codes, and the side in pixels of a token
    "ImageNet and WikiArt, 16384": (_vq(16384), 16384, 16),
    "ImageNet and WikiArt, 1024": (_vq(1024), 1024, 16),
    "OpenImages, Gumbel": (_gumbel(), 8192, 8),
    "COCO-Stuff": (_transformer(8192, "segmentation", _labels(183)), 8192, 16),
    "S-FLCKR": (_transformer(1024, "segmentation", _labels(182)), 1024, 16),
    "COCO with boxes": (_transformer(8192, "objects_bbox", _BOXES), 8192, 16),
    "FacesHQ": (_transformer(1024, "coord", _COORDINATES), 1024, 16),
}
LAYOUTS = [name for name in PUBLISHED if name not in {"ImageNet and WikiArt, 1024", "COCO-Stuff"}]
"""Those that still differ when they have the same number of codes and of labels."""
PERCEPTOR = tiny_perceptor()


def _smaller(stage: dict[str, Any]) -> dict[str, Tensor]:
    """Make a stage smaller, in place, and return random weights for it."""
    params = stage["params"]
    params |= {"embed_dim": WIDTH, "n_embed": CODES}
    levels = len(params["ddconfig"]["ch_mult"])
    params["ddconfig"] |= {"ch": 32, "z_channels": WIDTH, "num_res_blocks": 1}
    params["ddconfig"]["ch_mult"] = [1] * levels
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        gumbel = stage["target"].endswith("GumbelVQ")
        state = VQModel(params["ddconfig"], CODES, WIDTH, gumbel=gumbel).state_dict()
        state["quantize.embed.weight" if gumbel else "quantize.embedding.weight"].normal_()
    return state


def _write(folder: Path, published: dict[str, Any]) -> dict[str, Tensor]:
    """Write a smaller one as Lightning and OmegaConf do, and return its first stage's weights."""
    model = copy.deepcopy(published)
    params = model["params"]
    if "first_stage_config" not in params:
        own = _smaller(model)
        state = {**own, "loss.discriminator.main.0.weight": torch.ones(4, 3, 4, 4)}
    else:
        own = _smaller(params["first_stage_config"])
        state = {f"first_stage_model.{name}": tensor for name, tensor in own.items()}
        if "ddconfig" in params["cond_stage_config"]["params"]:
            labels = _smaller(params["cond_stage_config"])
            state |= {f"cond_stage_model.{name}": tensor for name, tensor in labels.items()}
        state["transformer.tok_emb.weight"] = torch.ones(5, 5)
    write_lightning(folder / "last.ckpt", state)
    (folder / "model.yaml").write_text(yaml.safe_dump({"model": model}))
    return own


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_first_stage_of_each_published_yaml_is_what_paints(name: str) -> None:
    published, codes, factor = PUBLISHED[name]
    described = vq_config({"model": published})
    assert (described.n_embed, described.embed_dim) == (codes, 256)
    assert 2 ** (len(described.ddconfig["ch_mult"]) - 1) == factor
    assert described.gumbel == ("Gumbel" in name)


@pytest.mark.parametrize("name", LAYOUTS)
def test_each_loads_paints_and_continues_from_a_saved_state(name: str, tmp_path: Path) -> None:
    published, _, factor = PUBLISHED[name]
    own = _write(tmp_path, published)
    found = recognise(tmp_path)
    generator = GENERATORS[found.kind].build(found.files, {})
    assert isinstance(generator, VQGenerator)
    assert generator.factor == factor
    loaded = generator.model.state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in own.items())
    recipe = Recipe(width=48, height=32, iterations=4, augmentation=PLAIN, learning_rate=2.0)
    one, other = (Synthesis(generator, PERCEPTOR, [Prompt("a fox")], recipe, 3) for _ in range(2))
    before = one.look().image
    one.step()
    check_resumes(one, other)
    assert not torch.equal(one.look().image, before)
