"""Users are answered in their own language; public messages are in the server's."""

from __future__ import annotations

from bot.language import using_language
from bot.language.translator import DESCRIPTION_LENGTH, CatalogueTranslator
from bot.locales.update import read, texts
from bot.ui.command_tree import fingerprint
from engine.pictures.formats import FORMAT_NAMES
from tests.cogs.configuring import add_manager, configure
from tests.cogs.conftest import labels

NAME_LENGTH = 32  # Discord's


async def test_a_user_is_answered_in_their_language(world, here, german):
    result = await german.slash(here.channel, "imagine", prompt="a red circle", seed=7)
    assert result.response.content.startswith("In der Warteschlange: du bist als Nächstes dran")
    [picture] = await world.painted(here.channel)
    assert labels(picture) == [
        "Nochmal",
        "Remix",
        "Weitermalen",
        "Bearbeiten",
        *labels(picture)[4:-1],
        "Löschen",
    ]
    assert "Seed 7" in picture.embeds[0].footer.text
    [progress] = [message for message in world.messages(here.channel) if message.id != picture.id]
    assert progress.content.startswith("Gemalt in")
    refused = await here.bob.click(picture, label="Löschen")
    assert refused.response.content.startswith("Only the person who requested")
    deleted = await german.click(picture, label="Löschen")
    assert deleted.response.content == "Gelöscht."


async def test_the_engine_s_refusals_are_in_the_user_s_language_too(world, here, german):
    result = await german.slash(here.channel, "imagine", prompt="a fox --colour red")
    assert result.response.content.startswith("Es gibt keine Option --colour; möglich sind --size")
    result = await here.alice.slash(here.channel, "imagine", prompt="a fox --colour red")
    assert result.response.content.startswith("There is no option --colour")


async def test_public_messages_are_in_the_server_s_language(world, here, german):
    manager = add_manager(here)
    assert "de" in await configure(here, manager, "set", name="language", value="de")
    result = await here.alice.slash(here.channel, "imagine", prompt="a red circle", seed=7)
    assert result.response.content.startswith("Queued: you're next")
    [picture] = await world.painted(here.channel)
    assert "Löschen" in labels(picture)
    await configure(here, manager, "set", name="language", value="auto")
    await here.alice.slash(here.channel, "imagine", prompt="a red circle", seed=8)
    pictures = await world.painted(here.channel, 2)
    assert "Delete" in labels(pictures[1])


async def test_every_description_is_translated_and_of_names_only_the_options(world):
    tree = world.bot.tree
    assert isinstance(tree.translator, CatalogueTranslator)
    originals = texts()
    translations = {message.string for message in read("de") if isinstance(message.string, str)}
    seen = 0

    def walk(payload):
        nonlocal seen
        if payload.get("description"):
            seen += 1
            english, german = payload["description"], payload["description_localizations"]["de"]
            assert german != english
            # Whole texts of the catalogue: neither was cut to Discord's limit.
            assert english.replace(FORMAT_NAMES, "{formats}") in originals
            assert german.replace(FORMAT_NAMES, "{formats}") in translations
            assert max(len(english), len(german)) <= DESCRIPTION_LENGTH
        assert len(payload["name"]) <= NAME_LENGTH
        translated = payload.get("name_localizations") or {}
        is_option = payload.get("type", 0) > 2 and "description" in payload
        assert not translated or (is_option and set(translated) == {"de"})
        assert set(payload.get("description_localizations", {})) <= {"de"}
        for option in payload.get("options", ()):
            walk(option)

    for command in tree.get_commands():
        walk(await command.get_translated_payload(tree, tree.translator))
    assert seen > 50


async def test_changed_translations_change_the_fingerprint(world):
    tree = world.bot.tree
    now = await fingerprint(tree)
    with using_language("de"):  # the language in use makes no difference
        assert await fingerprint(tree) == now
    await tree.set_translator(None)
    assert await fingerprint(tree) != now
