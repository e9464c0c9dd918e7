"""The figures of variations and larger pictures."""

from __future__ import annotations

import pytest
import torch
from PIL import Image

from bench import going_on
from bench.drawn import figures as drawn_figures
from bench.going_on import WAYS, distance, figures, file_of
from bench.prompts import read_entries


def test_distances_are_measured_at_the_parent_s_size():
    parent = torch.full((3, 8, 8), 0.25)
    assert distance(parent, parent) == 0
    assert distance(torch.full((3, 16, 16), 0.75), parent) == pytest.approx(0.5, abs=1e-5)


def test_each_way_is_judged_by_itself(tmp_path, monkeypatch):
    [entry] = read_entries("natural", limit=1)
    grey = {way: 40 * number for number, way in enumerate(WAYS)}
    for way in WAYS:
        file = file_of(tmp_path, "natural", entry, way)
        file.parent.mkdir(exist_ok=True)
        Image.new("RGB", (16, 16), (grey[way],) * 3).save(file)

    class Judge:
        """Sees the prompt's class in what is not bright."""

        def read(self, pictures):
            row = torch.zeros(1, 1000)
            row[0, entry["classes"][0][0]] = 100 / 255 - pictures.mean()
            return row

    monkeypatch.setattr(going_on, "load_judge", Judge)
    found = figures("natural", [entry], tmp_path)
    assert [found[way]["top1"] for way in WAYS] == [1, 1, 1, 0, 0]
    assert found["lanczos"]["distance"] == pytest.approx(160 / 255, abs=1e-3)


def test_the_drawn_kinds_have_their_own_judges(monkeypatch):
    entries = read_entries("things", limit=2)
    asked = []

    class Judge:
        """Knows the first of two pictures."""

        def ranks_first(self, pictures, claims):
            assert len(pictures) == len(claims) == 2
            return [True, False]

    def load(name):
        asked.append(name)
        return Judge()

    monkeypatch.setattr(drawn_figures, "load_judge", load)
    pictures = [torch.zeros(3, 8, 8)] * 2
    assert going_on.judged("things", entries, pictures) == {"judge_r1": 0.5}
    assert asked == ["plain", "wide"]
