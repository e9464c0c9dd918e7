"""OpenCLIP's published configs at their full size, with random weights, against OpenCLIP."""

import json

import pytest
import torch
from safetensors.torch import save_file

from engine.models.kinds import PERCEPTORS
from engine.models.perceptor_recognition import recognise_perceptor
from tests.engine.models.libraries import assert_same_tower, open_clip, piece_packages
from tests.engine.models.perceptor_files import t5_tokenizer

# By the kind that reads them.
MODELS = {
    "ViT-B-32-quickgelu": "openai-clip",
    "ViT-B-16": "openai-clip",
    "RN50x4": "openai-clip",
    "ViT-B-16-SigLIP": "siglip",
    "convnext_base_w": "open-clip",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_vectors_and_gradients_are_openclip_s(tmp_path, name):
    package = open_clip()
    config = package.get_model_config(name)
    own = dict(config)
    kind = package.CustomTextCLIP if own.pop("custom_text", False) else package.CLIP
    torch.manual_seed(1)
    theirs = kind(**own).eval().requires_grad_(False)
    save_file(theirs.state_dict(), tmp_path / "open_clip_model.safetensors")
    mean, std = [0.4, 0.5, 0.6], [0.2, 0.3, 0.25]
    whole = {"model_cfg": config, "preprocess_cfg": {"mean": mean, "std": std}}
    (tmp_path / "open_clip_config.json").write_text(json.dumps(whole))
    found = recognise_perceptor_with_tokenizer(tmp_path, MODELS[name])
    assert found.kind == MODELS[name]
    perceptor = PERCEPTORS[found.kind].build(found.files, {})
    side = config["vision_cfg"]["image_size"]
    assert perceptor.resolution == side

    def ours(normal):
        pictures = normal * perceptor.std + perceptor.mean
        return perceptor.encode_image(pictures)

    def published(normal):
        return theirs.encode_image(normal, normalize=True)

    assert_same_tower(ours, published, side)
    ids = torch.randint(1, 1000, (2, perceptor.tokenizer.context_length))
    read = theirs.encode_text(ids, normalize=True)
    torch.testing.assert_close(perceptor.encode_tokens(ids), read, atol=1e-5, rtol=1e-4)


def recognise_perceptor_with_tokenizer(folder, kind):
    """The files in ``folder``, with a tokenizer of as many pieces as the published one."""
    if kind == "siglip":
        piece_packages()
        tokenizer = t5_tokenizer()
        vocabulary = tokenizer["model"]["vocab"]
        vocabulary += [[f"▁piece{i}", -50.0] for i in range(32_000 - len(vocabulary))]
        said = {"eos_token": "</s>", "pad_token": "</s>"}
        for name, content in (("tokenizer.json", tokenizer), ("tokenizer_config.json", said)):
            (folder / name).write_text(json.dumps(content))
    return recognise_perceptor(folder)
