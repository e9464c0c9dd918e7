"""The kinds of generators and perceptors, by the catalogue's ``kind``.

A new kind is one file under ``generators/`` or ``perceptors/`` and one entry here, or a plug-in of
another package (engine.models.plug_ins). Its module has ``build(files, settings)``: ``files`` are
the paths of the kind's files by role, ``settings`` is the table in the catalogue entry. Torch is
loaded only when something is built. docs/models.md has a table of these entries
(engine.models.kinds_table).
"""

from __future__ import annotations

from engine.models.kind import Kind
from engine.models.plug_ins import Kinds

GENERATORS = Kinds(
    "imagine_bot.generators",
    {
        "taming-vq": Kind(
            "engine.models.generators.taming",
            ("config", "checkpoint"),
            about="VQGANs of taming-transformers and latent-diffusion",
            test="tests/engine/models/test_vqgan_files.py",
        ),
        "diffusers": Kind(
            "engine.models.generators.diffusers",
            ("config", "checkpoint"),
            about="folders of diffusers: `VQModel`, `AutoencoderKL`, `AutoencoderTiny`",
            test="tests/engine/models/test_autoencoders.py",
        ),
        "taesd": Kind(
            "engine.models.generators.tiny",
            ("checkpoint", "encoder"),
            about="TAESD, as madebyollin publishes it: taesd, taesdxl, taesd3, taef1",
            test="tests/engine/models/test_autoencoders.py",
        ),
        "fourier": Kind(
            "engine.models.generators.fourier",
            (),
            about="a picture's spectrum",
            test="tests/engine/models/test_fourier.py",
        ),
        "pixels": Kind(
            "engine.models.generators.pixels",
            (),
            about="the picture itself, or squares of pixels",
            test="tests/engine/models/test_pixels.py",
        ),
        "curves": Kind(
            "engine.models.generators.curves",
            (),
            about="Bezier strokes on white paper, as in CLIPDraw; SVG",
            test="tests/engine/models/test_curves.py",
        ),
    },
)
PERCEPTORS = Kinds(
    "imagine_bot.perceptors",
    {
        "openai-clip": Kind(
            "engine.models.perceptors.openai_clip",
            ("checkpoint",),
            optional=("config",),
            about="CLIPs of OpenAI and OpenCLIP",
            test="tests/engine/models/test_clip_files.py",
        ),
        "transformers-clip": Kind(
            "engine.models.perceptors.transformers_clip",
            ("config", "checkpoint"),
            optional=("preprocessor",),
            about="folders of Hugging Face's transformers: `CLIPModel`",
            test="tests/engine/models/test_transformers_files.py",
        ),
        "siglip": Kind(
            "engine.models.perceptors.siglip",
            ("config", "checkpoint", "tokenizer", "tokenizer_config"),
            optional=("preprocessor",),
            about="SigLIP and SigLIP 2, of transformers or OpenCLIP (extra `siglip`)",
            test="tests/engine/models/test_siglip.py",
        ),
        "open-clip": Kind(
            "engine.models.perceptors.open_clip",
            ("config", "checkpoint"),
            optional=("tokenizer", "tokenizer_config"),
            about="OpenCLIP's other models: ConvNeXt, EVA, CoCa, CLIPA, ... (extra `open-clip`)",
            test="tests/engine/models/test_open_clip.py",
        ),
        "efficientnet-lite": Kind(
            "engine.models.perceptors.efficientnet_lite",
            ("checkpoint",),
            optional=("looks",),
            about="an ImageNet classifier with a text tower, as `natural` has it",
            test="tests/engine/models/test_efficientnet_lite.py",
        ),
    },
)
DEFAULT_GENERATOR, DEFAULT_PERCEPTOR = "taming-vq", "openai-clip"
"""The kinds of entries that have no ``kind``."""
