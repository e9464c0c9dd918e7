"""What is read of a starting picture: its colours, and what a person is told about the file."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
from PIL import Image

from engine.painting.pipeline import prepare
from tests.engine.cli.command_line import write_home
from tests.engine.pictures.encoding import encoded
from tests.engine.pictures.icc import DISPLAY_P3, P3_TO_SRGB, matrix_icc, srgb_bytes, srgb_light
from tests.tiny_model import tiny_request


def named(data):
    return hashlib.sha256(data).hexdigest()


def prepared(models, data, **values):
    name = named(data)
    return prepare(tiny_request(init_image=name, **values), models, {name: data})


def test_the_kept_part_of_an_edit_has_the_colours_that_its_profile_means(tiny):
    data = encoded(Image.new("RGB", (32, 32), (234, 51, 35)), icc_profile=matrix_icc(DISPLAY_P3))
    mask = encoded(Image.linear_gradient("L").rotate(90).resize((32, 32)))
    pictures = {named(data): data, named(mask): mask}
    synthesis = prepare(
        tiny_request(init_image=named(data), mask=named(mask), iterations=1), tiny, pictures
    )
    synthesis.step()
    [expected] = srgb_bytes(srgb_light(np.array([[234, 51, 35]]) / 255) @ P3_TO_SRGB.T)
    painted = np.asarray(synthesis.look().to_pil())
    kept = painted[:, :4] if painted[0, 0, 0] > 250 else painted[:, -4:]
    assert kept == pytest.approx(np.broadcast_to(expected, kept.shape), abs=1.6)
    assert not any("profile" in notice for notice in synthesis.notices())


def test_a_bad_profile_and_more_pages_are_told(tiny):
    image = Image.new("RGB", (32, 32), (234, 51, 35))
    bad = prepared(tiny, encoded(image, icc_profile=b"nothing"))
    assert any("colour profile" in notice for notice in bad.notices())
    pages = prepared(tiny, encoded(image, "TIFF", save_all=True, append_images=[image]))
    assert any("several pages" in notice for notice in pages.notices())
    assert not prepared(tiny, encoded(image)).remarks


def test_transparent_parts_are_told_unless_the_file_is_its_own_mask(tiny):
    image = Image.radial_gradient("L").resize((32, 32)).convert("RGBA")
    assert not prepared(tiny, encoded(image)).remarks
    image.paste((0, 0, 0, 0), (0, 0, 16, 16))
    data = encoded(image)
    [remark] = prepared(tiny, data).remarks
    assert "use the same file as the mask" in remark
    [remark] = prepared(tiny, data, mask=named(data)).remarks
    assert "only those parts can change" in remark


def test_the_command_tells_how_it_read_a_mask(tmp_path, run_here):
    catalogue = write_home(tmp_path)
    source = Image.radial_gradient("L").resize((32, 24)).convert("RGB")
    (tmp_path / "mine.png").write_bytes(encoded(source))
    disc = Image.new("RGBA", (32, 24))
    disc.paste("white", (4, 4, 12, 12))
    (tmp_path / "mask.png").write_bytes(encoded(disc))
    options = ["--model", "tiny", "--iterations", "2", "-o", "new.png"]
    given = ["--init-image", "mine.png", "--mask", "mask.png"]
    done = run_here(catalogue, "a red star", *options, *given, "--json")
    assert done.returncode == 0, done.stderr
    [note] = [each for each in json.loads(done.stdout)["notices"] if "mask" in each]
    assert "the drawing can change" in note
    assert note in " ".join(done.stderr.split())
    with Image.open(tmp_path / "new.png") as made:
        rest = (24, 0, 32, 24)
        assert made.crop(rest).tobytes() == source.crop(rest).tobytes()
        assert made.crop((4, 4, 12, 12)).tobytes() != source.crop((4, 4, 12, 12)).tobytes()
