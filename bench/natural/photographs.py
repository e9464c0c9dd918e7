"""Photographs of known class: their figures are an upper limit for paintings.

A folder may have photographs from the wheels of scikit-image, scikit-learn and gradio and some free
ones of clothes and groceries, known by their file names, and others whose names start with the
number of their class and a hyphen (``951-lemon.jpg``). They are not part of the project.
"""

from __future__ import annotations

import re
from pathlib import Path

from PIL import Image

from engine.pictures.reading import read_picture
from training.pictures.files import picture_files

KNOWN: dict[str, tuple[int, ...]] = {
    "chelsea.png": (281, 282, 285),
    "coffee.png": (967, 968),
    "camera.png": (759, 872),
    "motorcycle_left.png": (665, 670),
    "rocket.jpg": (657, 744),
    "china.jpg": (698,),
    "cheetah.jpg": (293,),
    "cheetah1.jpg": (293,),
    "cheetah2.jpg": (293,),
    "lion.jpg": (291,),
    "clothing_03_longsleeve.jpg": (841,),
    "clothing_06_pants.jpg": (608,),
    "clothing_08_t-shirt.jpg": (610,),
    "clothing_09_t-shirt.jpg": (610,),
    "grocery_01_Zucchini.jpg": (939,),
    "grocery_02_Red-Bell-Pepper.jpg": (945,),
    "grocery_10_Pineapple.jpg": (953,),
}
"""The classes that they show; several if a person could name any of them."""


def classes_of(file: Path) -> tuple[int, ...]:
    """The classes that a photograph shows; empty if they are not known."""
    numbered = re.match(r"(\d{1,3})-", file.name)
    return (int(numbered[1]),) if numbered else KNOWN.get(file.name, ())


def known_photographs(folder: Path) -> list[tuple[Image.Image, tuple[int, ...]]]:
    """The photographs of known class in a folder, each with its classes."""
    return [
        (read_picture(file.read_bytes()), classes_of(file))
        for file in picture_files(folder)
        if classes_of(file)
    ]
