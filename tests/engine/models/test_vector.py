"""SVG files of strokes: what other programs read in them."""

import re
from xml.etree import ElementTree as ET  # the files are our own

import pytest

from engine.models.generators.curves import CurvesGenerator
from engine.models.generators.vector import NAMESPACE, Stroke, svg
from engine.random_numbers import Draws

SVG = "{http://www.w3.org/2000/svg}"


def parse(text):
    return ET.fromstring(text)  # noqa: S314


def test_an_svg_has_the_strokes_in_order_and_the_paper_below():
    first = Stroke(((1, 2), (3, 4), (5, 6), (7.126, -8)), 2.5, (1, 0, 0.5), 0.25)
    second = Stroke(((0, 0),) * 4, 1, (1.2, -0.1, 0), 1)
    root = parse(svg([first, second], (48, 32), (1, 1, 1), {}))
    assert (root.get("width"), root.get("height")) == ("48", "32")
    assert root.get("viewBox") == "0 0 48 32"
    drawn = [child for child in root if child.tag in (SVG + "rect", SVG + "g")]
    assert drawn[0].get("fill") == "#ffffff"
    group = drawn[1]
    assert (group.get("fill"), group.get("stroke-linecap")) == ("none", "round")
    below, above = group
    assert below.attrib == {
        "d": "M1.00 2.00C3.00 4.00 5.00 6.00 7.13 -8.00",
        "stroke": "#ff0080",
        "stroke-opacity": "0.250",
        "stroke-width": "2.50",
    }
    assert above.get("stroke") == "#ff0000"


@pytest.mark.parametrize("text", ["a <b> & \"c\" 'd'", "naïve 🎨\n", "\x00\x0b\ud800\uffff]]>", ""])
def test_any_text_can_be_metadata(text):
    file = svg([], (8, 8), (1, 1, 1), {"Description": text, 'odd "key" & <more>': "{}"})
    root = parse(file.encode())
    kept = re.sub("[\x00\x0b\ud800\uffff]", "\N{REPLACEMENT CHARACTER}", text)
    assert (root.findtext(f"{SVG}title") or "") == kept
    texts = {each.get("keyword"): each.text or "" for each in root.iter(f"{{{NAMESPACE}}}text")}
    assert texts == {"Description": kept, 'odd "key" & <more>': "{}"}


def test_a_painting_s_strokes_stay_in_its_square_of_squares():
    generator = CurvesGenerator()
    z = generator.random_latent(80, 112, Draws(0))
    strokes = generator.strokes(z)
    assert strokes is not None
    assert len(strokes) == 5 * 7
    assert all(len(stroke.points) == 4 for stroke in strokes)
    assert all(-24 < x < 136 and -24 < y < 104 for stroke in strokes for x, y in stroke.points)
    assert generator.strokes(z) == strokes
    assert len({stroke.points for stroke in strokes}) == 35
