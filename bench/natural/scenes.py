"""The classes that are painted in scenes and styles, and where each could be.

The places, weathers and times of a group suit every class in it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Group:
    """Class names, and wordings that place them; ``{0:a}`` is the class with its article."""

    classes: tuple[str, ...]
    wordings: tuple[str, ...]


def _group(classes: str, *wordings: str) -> Group:
    return Group(tuple(name.strip() for name in classes.split(",")), wordings)


GROUPS = {
    "dogs": _group(
        "Golden Retriever, Dalmatian, Pembroke Welsh Corgi, Beagle, Border Collie, pug, "
        "German Shepherd Dog, Siberian Husky, Yorkshire Terrier, Standard Poodle, Samoyed, "
        "French Bulldog, St. Bernard, Dobermann, Afghan Hound, Basset Hound, Whippet",
        "{0:a} on a beach at sunset",
        "{0:a} in fresh snow",
        "{0:a} on a green lawn in the sun",
        "{0:a} in a forest in autumn",
        "{0:a} by a lake on a foggy morning",
        "{0:a} in the rain",
        "{0:a} on a red sofa",
        "{0:a} in a field of yellow flowers",
        "{0:a} at night under a street lamp",
    ),
    "wild animals": _group(
        "red fox, grey wolf, brown bear, American black bear, hare, badger, otter, beaver, "
        "wild boar, lynx, bison, skunk, porcupine, cougar, fox squirrel, marmot",
        "{0:a} in a snowy forest",
        "{0:a} in a forest at dawn",
        "{0:a} in thick fog",
        "{0:a} among red autumn leaves",
        "{0:a} on a mountain meadow in summer",
        "{0:a} by a river at sunset",
        "{0:a} at night in the moonlight",
        "{0:a} in heavy rain",
    ),
    "savanna": _group(
        "lion, cheetah, leopard, zebra, African bush elephant, impala, hyena, warthog, ostrich, "
        "baboon, meerkat, hippopotamus, dromedary",
        "{0:a} in dry yellow grass",
        "{0:a} under a red evening sky",
        "{0:a} at a waterhole",
        "{0:a} on a dusty plain at noon",
        "{0:a} in front of dark storm clouds",
        "{0:a} in the desert at sunrise",
    ),
    "farm": _group(
        "hen, cock, pig, ox, ram, common sorrel, llama, goose, duck, tabby cat, cottontail rabbit",
        "{0:a} on a green meadow",
        "{0:a} in front of a red barn",
        "{0:a} in the snow",
        "{0:a} in the mud after the rain",
        "{0:a} in a farmyard at sunrise",
        "{0:a} in the straw",
    ),
    "cold": _group(
        "polar bear, Arctic fox, king penguin, snow leopard, Alaskan tundra wolf, sea lion",
        "{0:a} on the ice",
        "{0:a} in a snowstorm",
        "{0:a} under green northern lights",
        "{0:a} on a snowy slope in the evening sun",
        "{0:a} on grey rocks by a cold sea",
    ),
    "jungle": _group(
        "tiger, gorilla, orangutan, giant panda, red panda, macaw, toucan, chameleon, tree frog, "
        "green iguana, lorikeet, hornbill, ring-tailed lemur, three-toed sloth, koala",
        "{0:a} in a green jungle",
        "{0:a} among big wet leaves",
        "{0:a} in a tropical rain",
        "{0:a} on a mossy branch",
        "{0:a} in the jungle in the morning mist",
    ),
    "birds": _group(
        "bald eagle, goldfinch, jay, American robin, magpie, great grey owl, chickadee, "
        "hummingbird, indigo bunting, vulture, peacock",
        "{0:a} on a branch in the rain",
        "{0:a} on a snowy branch",
        "{0:a} against a blue sky",
        "{0:a} in a cherry tree in blossom",
        "{0:a} on a fence at sunrise",
        "{0:a} on a bare tree in the fog",
    ),
    "waterbirds": _group(
        "flamingo, pelican, black swan, white stork, great egret, spoonbill, crane (bird), "
        "oystercatcher, American coot",
        "{0:a} in shallow water at sunset",
        "{0:a} on a foggy lake",
        "{0:a} among green reeds",
        "{0:a} by the water in the rain",
        "{0:a} on a calm lake at sunrise",
    ),
    "sea": _group(
        "clownfish, lionfish, pufferfish, jellyfish, starfish, sea anemone, great white shark, "
        "loggerhead sea turtle, hammerhead shark, stingray, killer whale",
        "{0:a} in clear blue water",
        "{0:a} over a coral reef",
        "{0:a} in the dark deep sea",
        "{0:a} in green water with rays of sunlight",
    ),
    "insects": _group(
        "ladybug, bee, monarch butterfly, dragonfly, snail, grasshopper, mantis, red admiral, "
        "leaf beetle, sulphur butterfly",
        "{0:a} on a green leaf",
        "{0:a} on a yellow flower",
        "{0:a} on a leaf with drops of dew",
        "{0:a} on a purple flower in the sun",
        "{0:a} on a stem after the rain",
    ),
    "cars": _group(
        "sports car, convertible, taxicab, jeep, pickup truck, minivan, school bus, fire engine, "
        "ambulance, tractor, Model T, tow truck, limousine, scooter, minibus, police van",
        "{0:a} on a wet city street at night",
        "{0:a} on a desert road at noon",
        "{0:a} in deep snow",
        "{0:a} on a mountain road in the fog",
        "{0:a} under palm trees",
        "{0:a} on a country road in autumn",
        "{0:a red} by the sea",
        "{0:a} at sunset",
    ),
    "ships": _group(
        "container ship, ocean liner, schooner, pirate ship, catamaran, lifeboat, submarine, "
        "aircraft carrier, fireboat, canoe, gondola, motorboat",
        "{0:a} on a stormy sea",
        "{0:a} on calm blue water",
        "{0:a} in the fog",
        "{0:a} at sunset",
        "{0:a} under a full moon",
        "{0:a} in the rain",
    ),
    "air": _group(
        "airliner, airship, balloon, military aircraft, parachute",
        "{0:a} above the clouds",
        "{0:a} in a clear blue sky",
        "{0:a} in the sky at sunset",
        "{0:a} over snowy mountains",
        "{0:a} in front of dark storm clouds",
    ),
    "buildings": _group(
        "castle, church, lighthouse, mosque, palace, monastery, barn, stupa, obelisk, "
        "water tower, greenhouse, yurt, triumphal arch, totem pole, boathouse",
        "{0:a} on a cliff in a storm",
        "{0:a} on a hill in the fog",
        "{0:a} in the snow",
        "{0:a} at night",
        "{0:a} at sunset",
        "{0:a} under a blue sky",
        "{0:a} in autumn",
        "{0:a} in the rain",
    ),
    "bridges": _group(
        "suspension bridge, viaduct, through arch bridge, dam, pier",
        "{0:a} in the morning fog",
        "{0:a} at night",
        "{0:a} at sunset",
        "{0:a} in winter",
        "{0:a} under dark clouds",
    ),
    "landscapes": _group(
        "volcano, geyser, valley, cliff, seashore, lakeshore, alp",
        "{0:a} at sunset",
        "{0:a} under a stormy sky",
        "{0:a} at night under the stars",
        "{0:a} in the morning fog",
        "{0:a} in winter",
        "{0:a} on a clear summer day",
    ),
    "trains": _group(
        "steam locomotive, electric locomotive, tram, high-speed train",
        "{0:a} on a snowy track",
        "{0:a} in the rain",
        "{0:a} on a bridge at sunset",
        "{0:a} in a green valley",
        "{0:a} at night",
    ),
    "things": _group(
        "teapot, vase, candle, coffee mug, acoustic guitar, violin, teddy bear, hourglass, "
        "typewriter keyboard, wall clock, pitcher, backpack, cowboy hat, running shoe, "
        "binoculars, table lamp, umbrella, soccer ball, sewing machine, piggy bank, bucket",
        "{0:a} on a wooden table",
        "{0:a} on a blue cloth",
        "{0:a} in front of a red wall",
        "{0:a} by a window in the morning light",
        "{0:a yellow} on a white table",
        "{0:a blue} on a wooden floor",
        "{0:a} in candlelight",
        "{0:a} in the grass",
    ),
    "furniture": _group(
        "rocking chair, couch, grand piano, throne, four-poster bed, park bench, folding chair, "
        "bathtub, cradle, dining table",
        "{0:a} in an empty white room",
        "{0:a} in front of a green wall",
        "{0:a} by a window in the evening light",
        "{0:a} in a garden in spring",
        "{0:a} in a dark old house",
        "{0:a red} on a wooden floor",
    ),
    "food": _group(
        "pizza, cheeseburger, hot dog, bagel, pretzel, ice cream, strawberry, lemon, pineapple, "
        "banana, broccoli, burrito, espresso, pomegranate, bell pepper, cucumber, guacamole",
        "{0:a} on a white plate",
        "{0:a} on a wooden table",
        "{0:a} on a blue tablecloth",
        "{0:a} on a picnic blanket in the sun",
        "{0:a} on a market stall",
        "{0:a} on a kitchen table in the morning light",
    ),
    "plants": _group(
        "daisy, mushroom, acorn, agaric, yellow lady's slipper, coral fungus, rose hip, corn",
        "{0:a} in the grass after the rain",
        "{0:a} in a forest in autumn",
        "{0:a} in the morning sun",
        "{0:a} with drops of dew",
        "{0:a} in front of a blue sky",
    ),
}
