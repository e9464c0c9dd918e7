"""The kinds of generators and perceptors, by the catalogue's ``kind``.

A new kind is one file under ``generators/`` or ``perceptors/`` and one entry here, or a plug-in of
another package (engine.models.plug_ins). Its module has ``build(files, settings)``: ``files`` are
the paths of the kind's files by role, ``settings`` is the table in the catalogue entry. Torch is
loaded only when something is built.
"""

from __future__ import annotations

from engine.models.kind import Kind
from engine.models.plug_ins import Kinds

GENERATORS = Kinds(
    "imagine_bot.generators",
    {
        "taming-vq": Kind("engine.models.generators.taming", ("config", "checkpoint")),
        "fourier": Kind("engine.models.generators.fourier", ()),
    },
)
PERCEPTORS = Kinds(
    "imagine_bot.perceptors",
    {
        "openai-clip": Kind(
            "engine.models.perceptors.openai_clip", ("checkpoint",), optional=("config",)
        ),
        "efficientnet-lite": Kind("engine.models.perceptors.efficientnet_lite", ("checkpoint",)),
    },
)
DEFAULT_GENERATOR, DEFAULT_PERCEPTOR = "taming-vq", "openai-clip"
"""The kinds of entries that have no ``kind``."""
