"""A small discord.py client that uses what the stand-in offers, for the stand-in's own tests."""

from __future__ import annotations

import asyncio
import contextlib

import discord
from discord import app_commands


class Client(discord.AutoShardedClient):
    """Records what its commands, buttons and events get."""

    def __init__(self, shards: int | None = None):
        intents = discord.Intents(
            guilds=True, guild_messages=True, dm_messages=True, guild_reactions=True
        )
        super().__init__(intents=intents, shard_count=shards, guild_ready_timeout=0.1)
        self.tree = app_commands.CommandTree(self)
        self.got: asyncio.Queue = asyncio.Queue()
        self.connected = asyncio.Event()
        _add_commands(self)

    async def before_identify_hook(self, shard_id, *, initial=False):
        """Do not wait the 5 seconds between the starts of shards."""

    async def on_ready(self):
        await self.tree.sync()
        self.connected.set()

    async def on_message(self, message):
        await self.got.put(("message", message))

    async def on_raw_message_delete(self, event):
        await self.got.put(("deleted", event.message_id))

    async def on_raw_message_edit(self, event):
        await self.got.put(("edited", event.message_id))

    async def on_raw_reaction_add(self, event):
        await self.got.put(("reaction", (str(event.emoji), event.member, event.message_author_id)))

    async def on_raw_reaction_remove(self, event):
        await self.got.put(("no reaction", (str(event.emoji), event.user_id)))

    async def on_raw_reaction_clear_emoji(self, event):
        await self.got.put(("cleared", str(event.emoji)))

    async def on_raw_reaction_clear(self, event):
        await self.got.put(("cleared", event.message_id))

    async def on_raw_thread_update(self, event):
        await self.got.put(("thread", event.data["thread_metadata"]["archived"]))

    async def next(self, kind):
        """The next thing of a kind that it got."""
        while True:
            found, what = await asyncio.wait_for(self.got.get(), 10)
            if found == kind:
                return what


@contextlib.asynccontextmanager
async def running(client: Client, token: str):
    """Connect a client, and wait until it is ready."""
    async with client:
        task = asyncio.create_task(client.start(token))
        try:
            await asyncio.wait_for(client.connected.wait(), 20)
            yield client
        finally:
            await client.close()
            await task


class Words(discord.ui.Modal, title="Words"):
    words: discord.ui.Label = discord.ui.Label(
        text="Words", component=discord.ui.TextInput(custom_id="words", default="a fox")
    )
    kind: discord.ui.Label = discord.ui.Label(
        text="Kind",
        component=discord.ui.Select(
            custom_id="kind",
            options=[discord.SelectOption(label="Oil"), discord.SelectOption(label="Ink")],
        ),
    )

    async def on_submit(self, interaction):
        words, kind = self.words.component, self.kind.component
        assert isinstance(words, discord.ui.TextInput)
        assert isinstance(kind, discord.ui.Select)
        await interaction.response.edit_message(content=f"{words.value} in {kind.values[0]}")


class Panel(discord.ui.View):
    def __init__(self, client: Client):
        super().__init__(timeout=None)
        self.client = client

    @discord.ui.button(label="Done", custom_id="done")
    async def done(self, interaction, button):
        await interaction.response.edit_message(content="done", view=None)

    @discord.ui.button(label="Later", custom_id="later")
    async def later(self, interaction, button):
        await interaction.response.defer()
        await interaction.edit_original_response(content="later")

    @discord.ui.button(label="Words", custom_id="words")
    async def words(self, interaction, button):
        await interaction.response.send_modal(Words())

    @discord.ui.select(cls=discord.ui.ChannelSelect, custom_id="channels", max_values=2)
    async def channels(self, interaction, select):
        await self.client.got.put(("selected", [str(value) for value in select.values]))
        await interaction.response.defer()

    @discord.ui.select(cls=discord.ui.RoleSelect, custom_id="roles")
    async def roles(self, interaction, select):
        await self.client.got.put(("selected", [value.name for value in select.values]))
        await interaction.response.defer()

    @discord.ui.select(cls=discord.ui.UserSelect, custom_id="people")
    async def people(self, interaction, select):
        await self.client.got.put(("selected", [value.name for value in select.values]))
        await interaction.response.defer()


def _add_commands(client: Client) -> None:
    tree = client.tree

    @tree.command(description="Answer with a panel")
    async def panel(interaction: discord.Interaction, hidden: bool = False):
        await interaction.response.send_message("panel", view=Panel(client), ephemeral=hidden)

    @tree.command(description="Answer later")
    async def slow(interaction: discord.Interaction):
        await interaction.response.defer(ephemeral=True)
        await interaction.followup.send("first", ephemeral=True)
        second = await interaction.followup.send("second", ephemeral=True, wait=True)
        await second.edit(content="second, edited")
        await interaction.delete_original_response()

    async def named(
        interaction: discord.Interaction,
        member: discord.Member,
        role: discord.Role,
        place: app_commands.AppCommandChannel | app_commands.AppCommandThread,
        picture: discord.Attachment,
        number: app_commands.Range[float, 0, 1] = 0.5,
    ):
        await client.got.put(
            (
                "named",
                (
                    member.name,
                    [role.name for role in member.roles],
                    role.name,
                    place.name,
                    place.type.name,
                    picture.filename,
                    number,
                ),
            )
        )
        await interaction.response.send_message("named", ephemeral=True)

    async def word(interaction: discord.Interaction, word: str):
        await interaction.response.send_message(word)

    async def complete(interaction, current):
        return [app_commands.Choice(name=f"{current}!", value=f"{current}!")]

    word_command: app_commands.Command = app_commands.Command(
        name="word", description="A word", callback=word
    )
    word_command.autocomplete("word")(complete)
    group = app_commands.Group(name="outer", description="A group")
    inner = app_commands.Group(name="inner", description="A group in it", parent=group)
    inner.add_command(app_commands.Command(name="named", description="All", callback=named))
    group.command(description="A word")(app_commands.autocomplete(word=complete)(word))
    tree.add_command(group)

    @tree.command(description="Only for moderators")
    @app_commands.default_permissions(manage_messages=True)
    @app_commands.guild_only()
    async def moderate(interaction: discord.Interaction):
        member = interaction.user
        assert isinstance(member, discord.Member)
        await client.got.put(
            (
                "powers",
                (
                    interaction.permissions.manage_messages,
                    member.guild_permissions.manage_messages,
                    member.top_role.name,
                    interaction.guild.owner_id if interaction.guild else None,
                ),
            )
        )
        await interaction.response.send_message("ok")

    @tree.context_menu(name="Look at it")
    async def look(interaction: discord.Interaction, message: discord.Message):
        await client.got.put(("menu", (message.content, message.author.name)))
        await interaction.response.send_message("ok", ephemeral=True)

    @tree.context_menu(name="Look at them")
    async def look_at(interaction: discord.Interaction, member: discord.Member):
        await client.got.put(("menu", (member.name, member.id)))
        await interaction.response.send_message("ok", ephemeral=True)
