"""The tree picture shows each picture at its place, with lines to those it was made from."""

from __future__ import annotations

import io

from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bot.media import tree_picture
from bot.media.tree_picture import Node
from tests.cogs.media import png


def drawn(nodes, chosen=0):
    return Image.open(io.BytesIO(tree_picture.tree_picture(nodes, chosen))).convert("RGB")


def test_each_picture_is_at_its_place_and_spoilers_and_lost_ones_are_blank():
    nodes = [
        Node(None, png("red")),
        Node(0, png("lime", size=(32, 64))),
        Node(0, None),
        Node(1, png("blue"), spoiler=True),
    ]
    image = drawn(nodes, chosen=1)
    places = tree_picture._places(nodes)
    assert places == [(0, 0.5), (1, 0), (1, 1), (2, 0)]

    def middle(i):
        x, y = places[i]
        side, edge = tree_picture._SIDE, tree_picture._EDGE
        across, down = tree_picture._ACROSS, tree_picture._DOWN
        return image.getpixel((round(edge + x * across + side / 2), round(edge + y * down + 60)))

    assert middle(0) == (255, 0, 0)
    assert middle(1) == (0, 255, 0)
    assert middle(2) == middle(3) == tree_picture._GONE
    colours = {colour for _count, colour in image.getcolors(1 << 20) or ()}
    assert {tree_picture._CHOSEN, tree_picture._LINE} <= colours
    assert (0, 0, 255) not in colours


@given(st.lists(st.integers(0, 20), max_size=20))
@settings(max_examples=50)
def test_no_two_pictures_are_at_one_place_whatever_the_tree(parents):
    nodes = [
        Node(None, None),
        *(Node(p, None) if p <= i else Node(None, None) for i, p in enumerate(parents)),
    ]
    places = tree_picture._places(nodes)
    assert len(set(places)) == len(nodes)
    for node, (column, _row) in zip(nodes, places, strict=True):
        assert column == (0 if node.parent is None else places[node.parent][0] + 1)
