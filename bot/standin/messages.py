"""Messages and their attachments, as Discord returns them."""

from __future__ import annotations

import mimetypes

from bot.standin.channels import Channel
from bot.standin.checks import COMPONENTS_V2
from bot.standin.clock import Clock
from bot.standin.components import shown_files, stored_components
from bot.standin.guilds import User

EPHEMERAL = 64
_DEFAULT, _REPLY = 0, 19


class Messages:
    """Makes and changes messages, and keeps the files of the media host."""

    def __init__(self, clock: Clock, bot: User):
        self.clock, self.bot = clock, bot
        self.blobs: dict[str, bytes] = {}  # path on the media host -> bytes
        self.media = ""

    def new(self, channel: Channel, author: User, payload: dict, files: dict) -> dict:
        """A message that ``author`` posts, in the channel's list."""
        message = {
            "id": self.clock.snowflake(),
            "channel_id": channel.id,
            "author": author.payload(),
            "content": payload.get("content") or "",
            "timestamp": self.clock.stamp(),
            "edited_timestamp": None,
            "tts": False,
            "mention_everyone": False,
            "mentions": [],
            "mention_roles": [],
            "attachments": [],
            "pinned": False,
            "embeds": [_stored_embed(embed) for embed in payload.get("embeds") or []],
            "type": _DEFAULT,
            "components": [],
            "flags": payload.get("flags", 0),
        }
        if payload.get("nonce") is not None:
            message["nonce"] = payload["nonce"]
        replied = (payload.get("message_reference") or {}).get("message_id")
        if str(replied) in channel.messages:
            message |= _reply_to(channel, channel.messages[str(replied)])
        self._attach(channel, message, payload, files)
        self._lay_out(message, payload)
        channel.messages[message["id"]] = message
        return message

    def answer(self, channel: Channel, payload: dict, files: dict) -> dict:
        """A message of the bot; an ephemeral one is not in the channel's list."""
        message = self.new(channel, self.bot, payload, files)
        if message["flags"] & EPHEMERAL:
            del channel.messages[message["id"]]
        return message

    def change(self, channel: Channel, message: dict, payload: dict, files: dict) -> dict:
        """Edit a message; fields that the payload does not have stay."""
        if "content" in payload:
            message["content"] = payload["content"] or ""
        if "embeds" in payload:
            message["embeds"] = [_stored_embed(embed) for embed in payload["embeds"] or []]
        if "flags" in payload:
            kept = message["flags"] & (EPHEMERAL | COMPONENTS_V2)
            message["flags"] = (payload["flags"] or 0) | kept
        message["edited_timestamp"] = self.clock.stamp()
        if "attachments" in payload or files:
            self._attach(channel, message, payload, files)
        if "components" in payload:
            self._lay_out(message, payload)
        return message

    def written(
        self,
        channel: Channel,
        author: User,
        content: str,
        reply_to: dict | None,
        files: tuple[tuple[str, bytes], ...],
        ping: bool,
    ) -> tuple[dict, dict]:
        """A person's message, and its event for a bot without the privileged intent.

        A reply with ``ping`` mentions the author of the message it replies to. In a server, the
        event of a message that does not mention the bot has no content.
        """
        named = {f"files[{i}]": file for i, file in enumerate(files)}
        message = self.new(channel, author, {"content": content}, named)
        me = self.bot.payload()
        mentioned = [me] if f"<@{self.bot.id}>" in content else []
        if reply_to is not None:
            message |= _reply_to(channel, reply_to)
            if ping and reply_to["author"] not in mentioned:
                mentioned.append(reply_to["author"])
        message["mentions"] = mentioned
        event = self.event(channel, message)
        if channel.guild is not None:
            event["member"] = channel.guild.member(author)
            if me not in mentioned:
                event |= {"content": "", "attachments": [], "embeds": [], "components": []}
        return message, event

    def event(self, channel: Channel, message: dict) -> dict:
        """A message as events have it."""
        return message | ({} if channel.guild is None else {"guild_id": channel.guild.id})

    def _attach(self, channel: Channel, message: dict, payload: dict, files: dict) -> None:
        """Keep the attachments that the payload lists, and add the new ones."""
        listed = {str(item["id"]): item for item in payload.get("attachments") or []}
        kept = [old for old in message["attachments"] if old["id"] in listed]
        for field_name, (name, data) in files.items():
            described = listed.get(field_name.removeprefix("files[").removesuffix("]"), {})
            attachment = self._store(
                f"/attachments/{channel.id}", described.get("filename", name), data
            )
            if described.get("description"):
                attachment["description"] = described["description"]
            kept.append(attachment)
        message["attachments"] = kept

    @staticmethod
    def _lay_out(message: dict, payload: dict) -> None:
        """Keep the components; files that they show are no attachments any more, as on Discord."""
        message["components"] = stored_components(payload.get("components") or [], message)
        shown = shown_files(message["components"])
        message["attachments"] = [
            file for file in message["attachments"] if file["id"] not in shown
        ]

    def upload(self, channel: Channel, name: str, data: bytes) -> dict:
        """A person's attachment, as interactions have it in an option."""
        return self._store(f"/ephemeral-attachments/{channel.id}", name, data)

    def _store(self, folder: str, name: str, data: bytes) -> dict:
        attachment_id = self.clock.snowflake()
        path = f"{folder}/{attachment_id}/{name}"
        self.blobs[path] = data
        return {
            "id": attachment_id,
            "size": len(data),
            "url": f"{self.media}{path}",
            "proxy_url": f"{self.media}{path}",
            "filename": name,
            "content_type": mimetypes.guess_type(name)[0] or "application/octet-stream",
        }


def _reply_to(channel: Channel, message: dict) -> dict:
    """What a reply has that other messages do not."""
    reference = {"type": 0, "channel_id": channel.id, "message_id": message["id"]}
    return {
        "type": _REPLY,
        "referenced_message": message,
        "message_reference": reference,
    }


def _stored_embed(embed: dict) -> dict:
    return {
        "type": "rich",
        **embed,
        "fields": [{"inline": False, **field} for field in embed.get("fields") or []],
    }
