"""How people write prompts: patterns, and what fills their slots.

Slots: ``{n}`` the noun, ``{a}`` with its article, ``{p}`` its plural, ``{b}`` a second thing with
its article; ``{place}``, ``{time}``, ``{weather}``, ``{style}``, ``{colour}``, ``{adjective}``,
``{number}``, ``{doing}``, ``{wearing}``, ``{material}``.
"""

from __future__ import annotations

from collections.abc import Mapping

# fmt: off
# Few words around the noun.
PLAIN = (
    "{n}", "{a}", "the {n}", "{p}", "my {n}", "this {n}", "some {p}", "{n}, {n}",
    "a photo of {a}", "a photo of the {n}", "photo of {a}", "a photograph of {a}",
    "a picture of {a}", "picture of {p}", "an image of {a}", "a blurry photo of {a}",
    "a close-up of {a}", "a closeup photo of the {n}", "a painting of {a}", "a drawing of {a}",
    "a sketch of {a}", "an illustration of {a}", "a portrait of {a}", "a render of {a}",
    "a statue of {a}", "a logo of {a}", "a poster with {a}", "{n} wallpaper", "draw {a}",
    "draw me {a}", "paint {a}", "please paint {a} for me", "i want {a}", "show me {a}",
    "can you make {a}", "there is {a}", "here is my {n}", "{a} and nothing else",
    "an old {n}", "a small {n}", "a big {n}", "a beautiful {n}", "the biggest {n} in the world",
    "lots of {p}", "many {p}", "a pair of {p}", "a group of {p}", "a pile of {p}",
)
# With a place, a time, a style, a colour.
SCENIC = (
    "{a} {place}", "{p} {place}", "the {n} {place}", "{n} {place}", "a photo of {a} {place}",
    "{a} {place} {time}", "{a} {time}", "{n} {weather}", "{a} {weather}", "{a} {place} {weather}",
    "{place} {a}", "{a}, {style}", "{n}, {style}", "{style} of {a}", "{a} {place}, {style}",
    "{a} {weather}, {style}", "{p}, {style}", "a {colour} {n}", "{colour} {p}", "{colour} {n}",
    "a {colour} {n} {place}", "a {colour} {n}, {style}", "a {adjective} {n}", "{adjective} {p}",
    "{adjective} {n}", "a {adjective} {n} {place}", "a {adjective} {n} {time}",
    "a {adjective} {n}, {style}", "a {adjective} {colour} {n}", "{number} {p}",
    "{number} {p} {place}", "{number} {adjective} {p}", "{number} {colour} {p} {weather}",
    "{a} made of {material}", "a {material} {n}", "{style}: {a} {place} {time}",
    "{a} {place} {time}, {style}, {style}", "the {adjective} {n} {weather}",
    "{style} of a {colour} {n} {place}", "a detailed {style} of {a}",
)
# For people and animals.
LIVELY = ("{a} {doing}", "{a} {doing} {place}", "{p} {doing}", "a {adjective} {n} {doing}",
          "{a} {wearing}", "{a} {wearing} {place}", "{a} {doing}, {style}",
          "{number} {p} {doing} {place}")
# Half of the meaning is the second thing.
PAIRS = ("{a} and {b}", "{n} and {b}", "{a} next to {b}", "{a} with {b}", "{b} and {a}", "{a}, {b}",
         "{a} beside {b} {place}", "{a} on {b}", "{a} in front of {b}", "{a} and {b}, {style}",
         "{a} and {b} {time}", "a {colour} {n} and {b}", "{a} under {b}", "{a} inside {b}")

# Places, with the name of the class or the word in scenes.tsv that they mean, or an empty word if
# the classifier has nothing for them.
PLACES: Mapping[str, str] = {
    "in the snow": "", "in snow": "", "in the rain": "", "in the dark": "", "in the air": "",
    "in the grass": "", "on a table": "", "on the floor": "", "on a white background": "",
    "on a black background": "", "in the sky": "", "in a room": "", "in the city": "",
    "on the street": "", "in a forest": "", "in the woods": "", "in a field": "",
    "in the desert": "",
    "in a garden": "", "in a park": "", "at home": "", "in the kitchen": "", "on a roof": "",
    "in the water": "", "on a hill": "", "in a village": "", "by the road": "", "in space": "",
    "on the moon": "", "on mars": "", "on a shelf": "", "on a wooden table": "", "in the sun": "",
    "under a tree": "", "on a rock": "", "in the clouds": "", "in a museum": "", "in paris": "",
    "in tokyo": "", "in the jungle": "", "in a meadow": "", "in the shade": "", "outside": "",
    "indoors": "", "in the distance": "", "against a blue sky": "", "in the mud": "",
    "on the ground": "", "in a dark room": "", "over the city": "", "in the ruins": "",
    "among flowers": "", "in a studio": "", "in a small town": "", "from above": "",
    "on the beach": "seashore", "at the seashore": "seashore", "by the sea": "seashore",
    "on the seashore": "seashore", "in a valley": "valley", "in the mountains": "alp",
    "in the alps": "alp", "on an alp": "alp", "by a lake": "lakeshore",
    "at the lakeside": "lakeshore", "on the lakeshore": "lakeshore",
    "in a coral reef": "coral reef",
    "on a coral reef": "coral reef", "near a volcano": "volcano", "on a cliff": "cliff",
    "on the edge of a cliff": "cliff", "on a sandbar": "shoal", "on a promontory": "promontory",
    "by a geyser": "geyser", "on a pier": "pier", "in front of a castle": "castle",
    "in a castle": "castle", "in a church": "church", "in a library": "library",
    "in a restaurant": "restaurant", "on a stage": "stage", "in a barn": "barn",
    "in a greenhouse": "greenhouse", "on a couch": "couch", "on the sofa": "couch",
    "in a bathtub": "bathtub", "on a plate": "plate", "under an umbrella": "umbrella",
    "in a bucket": "bucket", "by a fountain": "fountain", "on a park bench": "park bench",
    "in a vase": "vase", "on a desk": "desk", "on a bookcase": "bookcase",
    "in a grocery store": "grocery store", "at the dock": "dock", "in a maze": "maze",
    "near a lighthouse": "lighthouse", "in a palace": "palace", "on a patio": "patio",
    "in front of a mosque": "mosque", "at the altar": "altar", "under a suspension bridge":
    "suspension bridge", "underwater": "underwater", "in the harbour": "harbour",
}
TIMES = ("at night", "at dusk", "at dawn", "at sunset", "at sunrise", "in the morning", "at noon",
         "at midnight", "in winter", "in autumn", "in spring", "in summer", "at golden hour",
         "in the evening", "by moonlight", "by candlelight", "in the fall", "in october",
         "at twilight")
WEATHER = ("in a storm", "in the fog", "in the mist", "in heavy rain", "in the wind",
           "under a rainbow", "in a blizzard", "in bright sunlight", "under a cloudy sky",
           "during a thunderstorm", "in the snow", "under the stars", "in the rain",
           "on a rainy day", "on a sunny day", "under a full moon", "in a hurricane")
STYLES = ("oil painting", "watercolour", "watercolor painting", "pencil sketch", "ink drawing",
          "charcoal drawing", "digital art", "concept art", "pixel art", "low poly", "3d render",
          "woodcut", "linocut", "mosaic", "stained glass", "impressionism", "cubism",
          "surrealism", "expressionism", "pop art", "art nouveau", "art deco", "ukiyo-e",
          "photorealistic", "black and white photo", "polaroid", "film still", "anime", "cartoon",
          "comic style", "vaporwave", "cyberpunk", "steampunk", "gothic", "baroque",
          "minimalist", "abstract", "unreal engine", "trending on artstation", "4k", "8k, hdr",
          "matte painting", "by vincent van gogh", "by claude monet", "by picasso",
          "by salvador dali", "in the style of studio ghibli", "in the style of van gogh",
          "by greg rutkowski", "by edward hopper", "by hokusai", "by beksinski", "fantasy art",
          "children's book illustration", "pastel colours", "macro photography", "bokeh",
          "dramatic lighting", "cinematic", "psychedelic", "fresco", "graffiti", "collage",
          "embroidery", "paper cutout", "claymation", "neon lights", "hyperrealistic", "flickr",
          "national geographic photo", "vintage photograph", "tapestry", "etching")
COLOURS = ("red", "blue", "green", "yellow", "orange", "purple", "pink", "brown", "black", "white",
           "grey", "gray", "golden", "silver", "turquoise", "crimson", "violet", "beige", "teal",
           "magenta", "cyan", "maroon", "indigo", "scarlet", "pale blue", "dark green",
           "light brown", "black and white", "rainbow-coloured", "multicolored", "emerald")
ADJECTIVES = ("cute", "tiny", "huge", "old", "new", "ancient", "broken", "shiny", "wooden",
              "beautiful", "ugly", "happy", "sad", "angry", "lonely", "strange", "magical",
              "mysterious", "futuristic", "rusty", "dirty", "clean", "wet", "frozen", "burning",
              "glowing", "transparent", "colourful", "dark", "bright", "soft", "fluffy", "majestic",
              "giant", "little", "big", "small", "large", "medieval", "modern", "elegant", "creepy",
              "spooky", "haunted", "enchanted", "abandoned", "floating", "flying", "sleeping",
              "melting", "exploding", "psychedelic", "evil", "friendly", "funny", "royal", "wild",
              "delicious", "fresh", "rotten", "heavy", "empty", "full", "lovely", "cozy", "gloomy",
              "serene", "peaceful", "dramatic", "epic", "surreal", "crystal", "mechanical",
              "victorian", "chinese", "japanese", "african", "russian", "french", "indian")
NUMBERS = ("two", "three", "four", "five", "six", "seven", "ten", "a dozen", "a hundred", "several",
           "a few", "countless", "2", "3", "5", "12")
DOING = ("running", "sleeping", "eating", "jumping", "sitting", "standing", "looking at you",
         "playing", "walking", "swimming", "hiding", "resting", "fighting", "dancing", "smiling",
         "watching the stars", "staring", "chasing its tail", "having dinner", "reading",
         "singing", "looking out", "lying down", "climbing", "crossing the road", "at rest")
WEARING: Mapping[str, str] = {
    "wearing a hat": "hat", "wearing sunglasses": "sunglasses", "wearing a crown": "",
    "in a suit": "suit", "with a scarf": "scarf", "with a bow tie": "bow tie",
    "wearing a cowboy hat": "cowboy hat", "in a cloak": "cloak", "with wings": "",
    "with big eyes": "", "with long hair": "", "with a mask": "mask", "holding a sign": "",
}
MATERIALS = ("wood", "stone", "glass", "gold", "silver", "paper", "lego", "clay", "ice", "metal",
             "chocolate", "marble", "wool", "plastic", "crystal", "clouds", "bronze", "felt")
# fmt: on

_VOWELS = tuple("aeiou")
_SOUND_LIKE_CONSONANTS = ("uni", "use", "eu", "one", "ukulele", "ufo")
# fmt: off
_MASS = frozenset({"snow", "rain", "water", "corn", "hay", "wool", "velvet", "guacamole", "dough",
                   "face powder", "hair spray", "chain mail", "eggnog", "red wine", "jeans",
                   "pajamas", "tights", "binoculars", "sunglasses", "clogs", "parallel bars"})
# fmt: on


def with_article(noun: str) -> str:
    """The noun after ``a`` or ``an``; mass nouns without."""
    if noun.lower() in _MASS:
        return noun
    first = noun.lower()
    an = (
        first.startswith(_VOWELS) and not first.startswith(_SOUND_LIKE_CONSONANTS)
    ) or first.startswith(("hour", "heir", "honest"))
    return f"{'an' if an else 'a'} {noun}"


def plural(noun: str, irregular: Mapping[str, str]) -> str:
    """The plural of a noun of one or several words, by WordNet's exceptions and the usual rules."""
    if noun in _MASS:
        return noun
    if noun in irregular:
        return irregular[noun]
    head, space, last = noun.rpartition(" ")
    if space and last in irregular:
        return f"{head} {irregular[last]}"
    if noun.endswith(("s", "x", "z", "ch", "sh")):
        return f"{noun}es"
    if noun.endswith("y") and noun[-2:-1] not in _VOWELS:
        return f"{noun[:-1]}ies"
    return f"{noun}s"
