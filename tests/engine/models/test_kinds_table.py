from pathlib import Path

from engine.models.kinds import GENERATORS, PERCEPTORS
from engine.models.kinds_table import with_table

ROOT = Path(__file__).resolve().parents[3]


def test_the_table_of_kinds_in_the_docs_is_current():
    """Else: python -m engine.models.kinds_table docs/models.md."""
    text = (ROOT / "docs/models.md").read_text("utf-8")
    assert with_table(text) == text


def test_every_kind_has_a_row_and_a_test_of_its_own():
    text = (ROOT / "docs/models.md").read_text("utf-8")
    for kinds in (GENERATORS, PERCEPTORS):
        for name, kind in kinds.own.items():
            assert kind.about in text
            assert f"| `{name}` |" in text
            assert (ROOT / kind.test).is_file()
