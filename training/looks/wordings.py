"""The wordings of looks, and what only sounds like one."""

from __future__ import annotations

import re
from collections.abc import Mapping

from training.words.corpus import phrases

Words = tuple[str, ...]


def _words(text: str) -> Words:
    return tuple(" ".join(part.split()) for part in text.split("|"))


def _table(text: str) -> dict[str, Words]:
    """From lines "look: wording | wording"; a line that is indented goes on."""
    rows = re.split(r"\n(?! )", text.strip())
    return {look: _words(words) for look, words in (row.split(":", 1) for row in rows)}


STYLE_WORDS: Mapping[str, Words] = _table(
    """
charcoal: charcoal drawing | a charcoal drawing | charcoal sketch | charcoal | a charcoal study
  | drawn with charcoal | in charcoal | charcoal on paper | a drawing in charcoal
pencil: pencil sketch | a pencil sketch | pencil drawing | a pencil drawing | in pencil | drawn
  with a pencil | graphite drawing | a sketch in pencil | pencil on paper
watercolour: watercolour | a watercolour | watercolor painting | a watercolor | in watercolours
  | watercolour painting | a watercolour painting | aquarelle | painted in watercolors
oil: oil painting | an oil painting | oil on canvas | painted in oil | in oils | impasto oil
  painting | oil paint | a painting in oil
pixel art: pixel art | pixelart | 8-bit pixel art | in pixel art | pixelated | a pixel art
  sprite | 16-bit video game graphics | as pixel art
mosaic: mosaic | a mosaic | a roman mosaic | tile mosaic | mosaic of small tiles | as a mosaic |
  in mosaic
woodcut: woodcut | a woodcut | woodcut print | linocut | a linocut print | wood engraving |
  woodblock print | etching
blueprint: blueprint | a blueprint | technical blueprint | as a blueprint | blueprint drawing |
  white lines on a blueprint
stained glass: stained glass | a stained glass window | stained-glass window | in stained glass
  | as stained glass | church window of stained glass
neon: neon lights | neon | neon sign | a neon sign | made of neon lights | in neon | glowing
  neon | neon tubes | as a neon sign
black and white: black and white photo | black and white | a black-and-white photograph |
  monochrome | in black and white | greyscale photograph | film noir
comic: comic style | comic | cartoon | a cartoon | as a cartoon | in comic style | pop art |
  graphic novel illustration | anime
"""
)
LIGHT_WORDS: Mapping[str, Words] = _table(
    """
night: at night | at midnight | by moonlight | under the stars | under a full moon | in the
  night | on a starry night | on a dark night | night scene | under the night sky | by night
dusk: at dusk | at sunset | at dawn | at sunrise | at twilight | at golden hour | in the evening
  sun | in the evening light | under a red evening sky | before a sunset | in the light of the
  setting sun
fog: in the fog | in the mist | in thick fog | foggy | on a misty morning | in the morning fog |
  on a foggy day | in dense fog | in mist | on a foggy lake
snow: in the snow | in a blizzard | covered in snow | snowy | in fresh snow | on a snowy day |
  in a snowy forest | in deep snow | under falling snow | on a snowy slope | in winter
rain: in the rain | on a rainy day | in heavy rain | rainy | in pouring rain | under the rain |
  in a rainstorm | during a thunderstorm | in a storm
underwater: underwater | under water | under the sea | at the bottom of the sea | beneath the
  waves | deep in the ocean | on the sea floor | swimming underwater
"""
)
LIGHT_NOUNS: Mapping[str, Words] = _table(
    """
night: night | midnight | moonlight | a starry night | nighttime | starlight
dusk: sunset | a sunset | dusk | dawn | sunrise | twilight | golden hour | evening | evening sun
fog: fog | mist | haze | morning mist | thick fog
snow: snow | winter | a blizzard | snowfall | a snowstorm | falling snow
rain: rain | a storm | thunderstorm | heavy rain | a rainy day | stormy
underwater: underwater | under water | the sea floor
"""
)
"""A light as a whole prompt, to be added to others or to change a painting with."""
COLOUR_WORDS: Mapping[str, Words] = _table(
    """
red: red | crimson | scarlet
orange: orange
yellow: yellow | golden
green: green | emerald | dark green
blue: blue | pale blue | dark blue | azure
purple: purple | violet | lilac
pink: pink | magenta
brown: brown | light brown
black: black
white: white | snow-white
grey: grey | gray | silver
"""
)
COLOURED = _words(
    """
    the colour {} | the color {} | in {} | bright {} | dark {} | {} tones | all {} | make it {} |
    more {}
    """
)
"""How a colour is asked for and nothing else."""
STYLED = _words(
    """
    {t}, {s} | {s} of {t} | {t} in {s} | {s}: {t} | {t}, {s}, {o} | {t} as {s} | {t} {s} | {t}
    in the style of {s} | {s}, {t} | a picture of {t}, {s} | {t}, {s} style | draw {t}, {s}
    """
)
"""Where a style {s} is said of a thing {t}, with others {o} beside it."""
DECOYS = _words(
    """
    a charcoal grill | charcoal briquettes on a grill | a bag of charcoal | a pencil box | a
    pencil sharpener | a pencil skirt | an oil tanker | an oil filter | olive oil | an oil lamp |
    an oil rig | a can of motor oil | a glass of water | a glass vase | a wine glass | a neon
    tetra | a comic book | a book of comics | a snow leopard | a snowman | a snow globe | a
    snowboard | a raincoat | a rain barrel | rain boots | rainforest | a fog horn | a night heron
    | a nightingale | a nightstand | a nightgown | a red fox | a red panda | a black bear | a
    polar bear | a white shark | a grey wolf | a brown bear | a blue whale | a green iguana | an
    orange | oranges | two oranges | orange | an orange on a plate | a slice of orange | orange
    juice | a glass of orange juice | a violet | violets | a lilac | a glass of red wine | a
    redwood tree | a blackbird | a bluebird | blueberries | blackberries | a redhead | a greenfly
    | a redstart | a goldfish | a pink flamingo cocktail | the white house | a greenhouse | a
    blackboard | a whiteboard | brown sugar | a violet in a pot | a rose | a lilac bush | a silver
    spoon | a gold medal | a brownie | the red cross | a submarine sandwich | a diving board | a
    window | the sea | the ocean | a rough sea | a beach by the sea | a ship at sea | a church
    window | a tile floor | a brick wall
    """
)
"""Things whose names have the word of a look."""
THINGS = _words(
    """
    car | house | city | dog | cat | horse | bird | man | woman | girl | boy | king | queen |
    knight | wizard | dragon | robot | tree | flower | rose | tulip | mountain | river | lake |
    sea | forest | desert | island | village | street | bridge | tower | garden | field | road |
    sky | moon | star | circle | square | triangle | heart | ball | box | door | chair | table |
    lamp | book | clock | hat | coat | dress | shoe | bag | cup | plate | apple | pear | cake |
    bread | cheese | fish | butterfly | rabbit | mouse | elephant | bear | whale | boat | ship |
    plane | train | bicycle | truck | rocket | machine | guitar | piano | castle | harbour |
    farm | dinosaur | unicorn | angel | skull | face | hand | eye | crystal | kitchen | library
    | wall | sofa | cloth
    """
)
"""Common things that are no classes; colours go with them most."""
PHOTOGRAPHED = _words(
    """
    a photo of {} | a picture of {} | paint {} | {} | a close-up of {} | a color photograph of
    {} | a colour photo of {} | {}, photograph, natural light | a portrait of {} | a sharp photo
    of {} | {}, very detailed | a realistic picture of {} | {} in natural colours | {}, nothing
    else | {}, photograph | a professional photo of {}, 35 mm | {} close up | i would like {}
    """
)
"""How a picture without a style is asked for."""
_STYLES_HERE = _words(
    """
    oil painting | watercolour | watercolor painting | pencil sketch | charcoal drawing | pixel art
    | woodcut | linocut | mosaic | stained glass | black and white photo | cartoon | comic style
    | anime | neon lights | etching | pop art | film still | ink drawing | collage
    """
)
OTHER_STYLES = tuple(style for style in phrases.STYLES if style not in _STYLES_HERE)
"""Styles that no look stands for."""
WORDS = {**STYLE_WORDS, **LIGHT_WORDS, **COLOUR_WORDS}
HELD_OUT = frozenset(words[-1] for words in (*STYLE_WORDS.values(), *LIGHT_WORDS.values()))
"""A wording of each style and light that is not trained on."""
