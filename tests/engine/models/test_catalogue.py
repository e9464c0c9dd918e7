import re

import pytest

from engine.errors import MissingModelError, ModelError, RequestError, UnknownModelError
from engine.models.adding import add_model
from engine.models.catalogue import load_catalogue, models_folder
from engine.models.recognition import Recognised


@pytest.fixture
def shipped(tmp_path):
    return load_catalogue(tmp_path / "none.toml")


def test_the_shipped_catalogue_has_the_published_models(shipped):
    assert list(shipped.models) == [
        "natural",
        "natural-fourier",
        "natural-pixels",
        "natural-curves",
        "drawn",
        "imagenet-16384",
        "imagenet-1024",
        "gumbel-8192",
    ]
    paper = shipped.model("imagenet-16384")
    assert (paper.generator.name, paper.perceptor.name) == ("imagenet-16384", "ViT-B-32")
    assert paper.defaults["width"] == paper.defaults["height"] == 256
    assert shipped.model("drawn").defaults["width"] == 128
    for entry in (*shipped.generators.values(), *shipped.perceptors.values()):
        assert entry.licence.startswith(("MIT", "Apache-2.0"))


def test_no_two_downloads_share_a_name_and_hashes_are_those_in_clips_addresses(shipped):
    downloads = {
        source.file: source
        for model in shipped.models
        for perceptor in shipped.perceptors
        for source in shipped.model(f"{model}/{perceptor}").sources
        if source.url is not None
    }
    assert len({source.url for source in downloads.values()}) == len(downloads) == 15
    for source in downloads.values():
        assert source.url.startswith("https://")
        in_address = re.search(r"[0-9a-f]{64}", source.url)
        assert in_address is None or in_address[0] == source.sha256
    assert sum(source.sha256 is not None for source in downloads.values()) == 13


@pytest.mark.parametrize(
    "name", ["natural", "natural-fourier", "natural-pixels", "natural-curves", "drawn"]
)
def test_the_shipped_files_are_in_the_package(shipped, name):
    for source in shipped.model(name).sources:
        assert source.url is None
        assert source.path.parent.parent.name == "weights"


def test_another_perceptor_is_chosen_after_a_slash(shipped):
    entry = shipped.model("imagenet-16384/RN50")
    assert (entry.name, entry.perceptor.name) == ("imagenet-16384/RN50", "RN50")
    assert entry.generator is shipped.model("imagenet-16384").generator


def test_several_perceptors_have_weights(shipped, tmp_path):
    entry = shipped.model("imagenet-16384/ViT-B/32,RN50:0.5")
    assert entry.name == "imagenet-16384/ViT-B/32,RN50:0.5"
    assert [(part.name, weight) for part, weight in entry.guides] == [
        ("ViT-B-32", 1.0),
        ("RN50", 0.5),
    ]
    file = tmp_path / "models.toml"
    file.write_text(
        "[models.both]\ngenerator = 'imagenet-16384'\nperceptor = ['ViT-B/32', 'RN50:0.5']"
    )
    both = load_catalogue(file).model("both")
    assert both.guides == entry.guides
    assert both.sources == entry.sources
    assert len({source.file for source in both.sources}) == 4


def test_a_perceptor_by_two_names_is_refused(shipped):
    with pytest.raises(RequestError, match="ViT-B-32 is named twice"):
        shipped.model("imagenet-16384/ViT-B-32,ViT-B/32")


@pytest.mark.parametrize(
    "published",
    [
        *("ViT-B/32", "ViT-B/16", "ViT-L/14", "ViT-L/14@336px"),
        *("RN50", "RN101", "RN50x4", "RN50x16", "RN50x64"),
    ],
)
def test_each_published_clip_pairs_with_the_paper_s_generator(shipped, published):
    entry = shipped.model(f"imagenet-16384/{published}")
    assert entry.generator.name == "imagenet-16384"
    assert entry.perceptor is shipped.perceptor(published)
    (checkpoint,) = entry.perceptor.files.values()
    assert checkpoint.file == f"{entry.perceptor.name}.pt"
    assert checkpoint.url.endswith(f"/{checkpoint.sha256}/{checkpoint.file}")
    # fp16 weights of 102 to 624 million parameters.
    assert 200e6 < checkpoint.size < 1400e6


def test_an_unknown_perceptor_is_refused_with_the_names(shipped):
    with pytest.raises(UnknownModelError, match=r"no perceptor called 'ViT-B/31'; .* RN50x64"):
        shipped.model("imagenet-16384/ViT-B/31")


def test_the_drawn_model_is_known_by_its_old_name_everywhere(shipped, tmp_path):
    assert shipped.model("embedded") is shipped.model("drawn")
    assert shipped.model("imagenet-16384/embedded").perceptor is shipped.perceptors["drawn"]
    file = tmp_path / "models.toml"
    file.write_text("[models.mine]\ngenerator = 'embedded'\nperceptor = 'embedded'")
    mine = load_catalogue(file).model("mine")
    assert mine.generator.name == mine.perceptor.name == "drawn"


def test_a_users_model_can_have_an_old_name(tmp_path):
    file = tmp_path / "models.toml"
    file.write_text("[models.embedded]\ngenerator = 'gumbel-8192'\nperceptor = 'RN50'")
    catalogue = load_catalogue(file)
    assert catalogue.model("embedded").generator.name == "gumbel-8192"
    assert catalogue.model("drawn").generator.name == "drawn"


def test_unknown_names_are_refused_with_the_known_names(shipped):
    with pytest.raises(UnknownModelError, match=r"'imagnet'; choose one of natural, "):
        shipped.model("imagnet")
    with pytest.raises(UnknownModelError, match=r"perceptor called 'ViT'; choose one .*ViT-B-32"):
        shipped.model("imagenet-16384/ViT")
    with pytest.raises(UnknownModelError):
        shipped.model("")


def test_the_users_catalogue_adds_and_replaces(tmp_path):
    file = tmp_path / "models.toml"
    file.write_text("""
        [perceptors.ViT-B-32]
        checkpoint = { path = "clips/mine.pt" }
        [models.mixed]
        generator = "gumbel-8192"
        perceptor = "ViT-B-32"
        [models.mixed.defaults]
        width = 320
        learning_rate = 0.2
    """)
    catalogue = load_catalogue(file)
    mixed = catalogue.model("mixed")
    assert mixed.perceptor.files["checkpoint"].path == tmp_path / "clips" / "mine.pt"
    assert mixed.defaults == {"width": 320, "learning_rate": 0.2}
    assert catalogue.model("imagenet-16384").perceptor.files["checkpoint"].path is not None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[models.x", "is not valid TOML"),
        ("[models.x]\ngenerator='drawn'\nperceptor=['drawn:0']", "drawn must be above 0"),
        ("[models.x]\ngenerator='drawn'\nperceptor=['drawn', 'no']", "no perceptor called 'no'"),
        ("[models.x]\ngenerator='drawn'\nperceptor=[]", "wrong `perceptor`: perceptor must"),
        ("[models.x]\ngenerator='drawn'\nperceptor=[3]", "not a list of texts"),
        ("[model.x]", "has `model`"),
        ("models = 3", "has `models`"),
        ("[models.'a/b']", "names can only have"),
        (
            "[generators.x]\nkind = 'gan'",
            r"\[generators.x\] needs a `kind` that is one of taming-vq",
        ),
        (
            "[perceptors.x]\nkind = 'fourier'",
            "needs a `kind` that is one of openai-clip, transformers-clip, siglip",
        ),
        ("[models.x]\ngenerator = 'y'", r"\[models.x\] needs a `generator` that is one of natural"),
        ("[perceptors.x]", r"\[perceptors.x.checkpoint\] needs either a `path` or a `url`"),
        ("[perceptors.x]\ncheckpoint = {url='ftp://a', file='a'}", "does not start with https"),
        ("[perceptors.x]\ncheckpoint = {url='file:///etc/passwd', file='a'}", "https"),
        ("[perceptors.x]\ncheckpoint = {url='https://a', file='../a'}", "needs the `file` name"),
        ("[perceptors.x]\ncheckpoint = {path='a', sha256='12'}", "64 hexadecimal digits"),
        ("[perceptors.x]\ncheckpoint = {path='a', size='big'}", "not a number of bytes"),
        ("[perceptors.x]\ncheckpoint = {path=3}", "`path` that is not text"),
        ("[perceptors.x]\ncheckpoint = 'a'", "`checkpoint` that is not a table"),
        (
            "[models.x]\ngenerator='drawn'\nperceptor='drawn'\nexamples='a fox'",
            "`examples` that are not a list of texts",
        ),
    ],
)
def test_a_mistake_in_the_users_catalogue_is_reported_with_its_place(tmp_path, text, says):
    file = tmp_path / "models.toml"
    file.write_text(text)
    with pytest.raises(ModelError, match=says) as error:
        load_catalogue(file)
    assert str(file) in str(error.value)


def test_an_added_model_can_be_read_with_any_path(tmp_path):
    file = tmp_path / "settings" / "models.toml"
    odd = tmp_path / 'so "odd" \\ a näme 🎨\t\x7f'
    generator, config, clip = odd / "a.ckpt", odd / "a.yaml", odd / "b.pt"
    hashes = {path: f"{i:064x}" for i, path in enumerate((generator, config, clip))}
    clip_files = Recognised("openai-clip", {"checkpoint": clip})
    for name, perceptor in (("first", clip_files), ("v1.5_b", "RN50")):
        add_model(
            name,
            generator=Recognised("taming-vq", {"config": config, "checkpoint": generator}),
            perceptor=perceptor,
            defaults={"width": 64},
            hashes=hashes,
            user_file=file,
        )
    catalogue = load_catalogue(file)
    first = catalogue.model("first")
    assert [source.path for source in first.sources] == [config, generator, clip]
    assert [source.sha256 for source in first.sources] == [
        hashes[config],
        hashes[generator],
        hashes[clip],
    ]
    assert first.defaults == {"width": 64}
    assert catalogue.model("v1.5_b").perceptor is catalogue.perceptors["RN50"]
    assert list(file.parent.iterdir()) == [file]


def test_taken_and_invalid_names_are_refused_and_change_nothing(tmp_path):
    file = tmp_path / "models.toml"
    path = tmp_path / "x"

    def add(name, perceptor="RN50"):
        add_model(
            name,
            generator=Recognised("taming-vq", {"config": path, "checkpoint": path}),
            perceptor=perceptor,
            defaults={},
            hashes={path: "0" * 64},
            user_file=file,
        )

    for name in ("drawn", "RN50"):
        with pytest.raises(ModelError, match="is taken"):
            add(name)
    for name in ("", "a/b", "../x", "a b", "x" * 65):
        with pytest.raises(ModelError, match="can't be called"):
            add(name)
    with pytest.raises(MissingModelError, match="no perceptor called 'RN51'"):
        add("mine", "RN51")
    assert not file.exists()


def test_the_folder_is_the_argument_the_variable_or_the_users_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("IMAGINE_MODELS_FOLDER", str(tmp_path / "named"))
    assert models_folder(tmp_path) == tmp_path
    assert models_folder() == tmp_path / "named"
    monkeypatch.delenv("IMAGINE_MODELS_FOLDER")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert models_folder().name == "models"
    assert "imagine-bot" in models_folder().parts
