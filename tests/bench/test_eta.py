"""bench.eta: what people are told is compared with what it took."""

from __future__ import annotations

import pytest

from bench.eta import measure
from engine.errors import EngineError
from tests.tiny_model import tiny_request, write_tiny_model


@pytest.fixture(autouse=True)
def _tiny_model(tmp_path, monkeypatch):
    monkeypatch.setenv("IMAGINE_MODELS_CATALOGUE", str(write_tiny_model(tmp_path)))


@pytest.mark.slow
async def test_every_job_counts_but_the_first(tmp_path):
    figures = await measure(tiny_request(), tmp_path / "data", 4, longest=4, in_process=True)
    assert figures["jobs"] == 4
    assert 0 <= figures["median_error"] <= figures["p90_error"]
    assert figures["told_over_took"] > 0
    assert figures["first"] > 0
    assert figures["restarted"] > 0


async def test_a_picture_that_is_not_painted_ends_it(tmp_path):
    with pytest.raises(EngineError):
        await measure(
            tiny_request(perceptor="tiny,nothing"), tmp_path / "data", 1, longest=2, in_process=True
        )
