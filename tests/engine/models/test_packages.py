"""What is imported of the two model packages, and what never is; see packages.py."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[3]
FORBIDDEN = (
    "torchvision",
    "pytorch_lightning",
    "lightning",
    "omegaconf",
    "clip",
    "taming.models",
    "taming.main",
    "pkg_resources",
    "open_clip",
    "timm",
    "transformers",
    "tokenizers",
    "sentencepiece",
)
PROGRAM = """
    import sys, tempfile
    from pathlib import Path
    import torch
    torch.set_num_threads(1)
    import engine, engine.models, engine.cli.models
    from engine.models.generators.taming import build_generator
    from engine.models.generators.taming_yaml import read_config
    from engine.models.perceptors.openai_clip import build_perceptor
    from engine.models.checkpoints import read_tensors
    from engine.models.packages import clip_model
    from tests.checkpoints import write_clip_archive, write_vqgan

    with tempfile.TemporaryDirectory() as folder:
        for kind in ("VQModel", "GumbelVQ"):
            checkpoint, config = write_vqgan(Path(folder), kind)
            generator = build_generator(read_tensors(checkpoint), read_config(config))
            picture = generator.decode(generator.embed(torch.arange(16)[None], 4, 4))
            generator.encode(picture)
        perceptor = build_perceptor(read_tensors(write_clip_archive(Path(folder) / "clip.pt")))
        perceptor.encode_text(["a word"])
        perceptor.encode_image(torch.rand(1, 3, 32, 32))
    print("CLIP is", clip_model().__file__)
    print("modules", *sys.modules)
"""


def test_only_what_models_need_is_imported_and_never_another_project_s_clip(tmp_path):
    impostor = "raise SystemExit('the wrong clip was imported')"
    for name in ("clip.py", "model.py", "simple_tokenizer.py"):
        (tmp_path / name).write_text(impostor)
    package = tmp_path / "as_package" / "clip"
    package.mkdir(parents=True)
    for name in ("__init__.py", "model.py", "simple_tokenizer.py"):
        (package / name).write_text(impostor)
    path = os.pathsep.join(map(str, (tmp_path, package.parent, ROOT)))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(PROGRAM)],
        env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    # Nothing else is printed: taming's constructors, which do print, are silenced.
    assert [line.split()[0] for line in lines] == ["CLIP", "modules"]
    taken = Path(lines[0].removeprefix("CLIP is "))
    assert tmp_path not in taken.parents
    assert taken.parts[-2:] == ("clip", "model.py")
    modules = set(lines[1].split()[1:])
    assert "taming.modules.diffusionmodules.model" in modules
    assert modules.isdisjoint(FORBIDDEN)
