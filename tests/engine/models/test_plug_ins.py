"""Kinds of other packages, installed as files of a folder on the import path."""

import sys

import pytest

from engine.errors import CheckpointError, ModelError
from engine.models.catalogue import load_catalogue
from engine.models.generators.fourier import FourierGenerator
from engine.models.kinds import GENERATORS, PERCEPTORS
from engine.models.loading import load_models
from tests.checkpoints import write_clip
from tests.engine.plug_ins import install

GROUP, OTHER = "imagine_bot.generators", "imagine_bot.perceptors"


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder of installed packages, empty at first."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        if name.startswith("imagine_clouds"):
            del sys.modules[name]


@pytest.fixture
def installed(site):
    """Install a package whose plug-ins have this code; "clouds" is its generator."""

    def installed(code, **points):
        groups = {GROUP: points or {"clouds": "imagine_clouds:build"}}
        install(site, "imagine-clouds", code, groups)

    return installed


@pytest.fixture
def model(own_catalogue, tmp_path):
    """Load the model of the plug-in "clouds" with these lines in its catalogue entry."""

    def model(entry=""):
        own_catalogue.parent.mkdir(exist_ok=True)
        clip = write_clip(own_catalogue.parent / "clip.pt")
        own_catalogue.write_text(f"""
            [generators.clouds]
            kind = "clouds"
            {entry}
            [perceptors.tiny]
            checkpoint = {{ path = "{clip.name}" }}
            [models.clouds]
            generator = "clouds"
            perceptor = "tiny"
        """)
        return load_models("clouds", device="cpu")

    return model


WORKS = """
from engine.models.generators.fourier import FourierGenerator

def build(files, settings):
    generator = FourierGenerator(**settings)
    generator.files = files
    return generator
"""


def test_a_plug_in_is_imported_only_when_its_model_is_loaded(installed, model, own_catalogue):
    installed(WORKS)
    assert "clouds" in list(GENERATORS)
    assert len(GENERATORS) == len(list(GENERATORS))
    assert "clouds" not in PERCEPTORS
    own_catalogue.parent.mkdir()
    own_catalogue.write_text('[generators.clouds]\nkind = "clouds"\n')
    assert load_catalogue().generators["clouds"].files == {}
    assert "imagine_clouds" not in sys.modules
    generator = model("settings = { decay = 1.5 }").generator
    assert "imagine_clouds" in sys.modules
    assert isinstance(generator, FourierGenerator)
    assert generator.decay == 1.5
    assert not generator.training


def test_all_files_of_its_entry_reach_it_by_role(installed, model, own_catalogue):
    installed(WORKS)
    entry = """
        weights = { path = "clip.pt" }
        palette = { path = "models.toml" }
        settings = { decay = 1.0 }
    """
    files = model(entry).generator.files
    assert files == {
        "weights": own_catalogue.with_name("clip.pt"),
        "palette": own_catalogue.with_name("models.toml"),
    }


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import a_module_that_is_missing", "ModuleNotFoundError: No module named 'a_module_that"),
        ("build: int = 'x' * {}", "TypeError"),
        ("def create(files, settings): ...", "AttributeError"),
        ("build = 3", "TypeError: 'int' object is not callable"),
        ("def build(files, settings): return 1 / 0", "ZeroDivisionError: division by zero"),
        ("def build(files, settings): return 'a picture'", "returned str, not a Generator"),
    ],
)
def test_a_broken_plug_in_is_named_in_a_sentence(installed, model, code, says):
    installed(code)
    with pytest.raises(ModelError) as error:
        model()
    assert "The plug-in clouds of the package imagine-clouds can't be used" in str(error.value)
    assert says in str(error.value)
    assert str(error.value).endswith("update or uninstall it.")


def test_its_own_sentences_about_files_and_settings_are_passed_on(installed, model):
    installed("""
from engine.errors import CheckpointError, ModelError

def build(files, settings):
    if settings:
        raise ModelError("The setting `fog` must be thick.")
    raise CheckpointError("{path} has no clouds.", path="sky.pt")
""")
    with pytest.raises(CheckpointError, match=r"^sky\.pt has no clouds\.$"):
        model()
    with pytest.raises(ModelError, match="entry clouds: The setting `fog` must be thick"):
        model("settings = { fog = 1 }")


def test_a_kind_of_ours_stays_ours(installed, own_catalogue):
    installed("raise SystemError", fourier="imagine_clouds:build")
    assert isinstance(GENERATORS["fourier"].build({}, {}), FourierGenerator)
    assert list(GENERATORS).count("fourier") == 1


def test_two_packages_with_the_same_kind_are_named(site, installed, model):
    installed(WORKS)
    install(site, "other-clouds", WORKS, {GROUP: {"clouds": "other_clouds:build"}})
    with pytest.raises(ModelError, match=r"called clouds \(imagine-clouds, other-clouds\)"):
        model()


def test_a_missing_plug_in_is_refused_with_the_kinds_there_are(installed, model):
    installed(WORKS, rain="imagine_clouds:build")
    with pytest.raises(ModelError, match=r"\[generators\.clouds\] needs a `kind`.*fourier.*rain"):
        model()


def test_a_perceptor_can_be_a_plug_in(site, own_catalogue, tmp_path):
    code = """
from engine.models.perceptors.openai_clip import build

def shifted(files, settings):
    perceptor = build(files, {})
    perceptor.mean += settings["shift"]
    return perceptor
"""
    install(site, "imagine-clouds", code, {OTHER: {"shifted": "imagine_clouds:shifted"}})
    own_catalogue.parent.mkdir()
    clip = write_clip(own_catalogue.parent / "clip.pt")
    own_catalogue.write_text(f"""
        [perceptors.plain]
        checkpoint = {{ path = "{clip.name}" }}
        [perceptors.shifted]
        kind = "shifted"
        checkpoint = {{ path = "{clip.name}" }}
        settings = {{ shift = 0.5 }}
    """)
    plain, other = (
        load_models(f"natural-fourier/{name}", device="cpu").perceptor
        for name in ("plain", "shifted")
    )
    assert (other.mean - plain.mean).flatten().tolist() == pytest.approx([0.5] * 3)
