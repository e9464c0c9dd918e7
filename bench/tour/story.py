"""What happens in the tour: each chapter does what people do, and shows what they see.

A chapter fails with LostError if the bot has no such command, option, button or answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bench.tour.book import Book
from bench.tour.visitor import LostError, Message, Visitor, is_hidden, labels
from bot.standin.components import buttons

_LOADING = 128


@dataclass(frozen=True)
class Plan:
    """How it is painted: by ``natural`` what matters as a picture, by ``drawn`` the rest.

    What is shown while it is painted is shown once its bar has ``bar`` full blocks. With
    ``watched`` it has so many iterations, and is stopped as soon as it was shown.
    """

    natural: str = "natural"
    drawn: str = "drawn"
    bar: int = 6
    watched: int | None = None


async def answered(visitor: Visitor, kind: str, **more: Any) -> Message:
    """Do an act, and return the answer that only this person sees."""
    last = max((int(each["id"]) for each in visitor.seen["messages"]), default=0)
    await visitor.do(kind, **more)
    return await visitor.message(
        lambda each: is_hidden(each) and int(each["id"]) > last and not each["flags"] & _LOADING
    )


async def pressed(visitor: Visitor, message: Message, label: str) -> dict[str, Any]:
    """Press the button with that label, and return the modal that it opens, if it does."""
    return await visitor.do("press", message=message["id"], custom_id=_named(message, label))


async def newest(visitor: Visitor, label: str, words: str) -> Message:
    """Return the newest message with a button, and with words in it, once there is one."""
    return await visitor.message(
        lambda each: label in labels(each) and words in str(each["embeds"])
    )


async def begun(visitor: Visitor, plan: Plan, **options: Any) -> tuple[Message, Message]:
    """Ask for a picture, and return the answer and its progress once there is a preview."""
    if plan.watched is not None:
        options["iterations"] = plan.watched
    answer = await answered(visitor, "command", path="imagine", options=options)
    progress = await visitor.message(
        lambda each: (
            options["prompt"] in str(each["embeds"])
            and bool(each["attachments"])
            and "`" in each["content"]
            and each["content"].count("█") >= plan.bar
        )
    )
    return answer, progress


async def stopped(visitor: Visitor, plan: Plan, progress: Message, label: str = "Stop") -> None:
    """Press Stop if the plan says so, once there is something newer to see."""
    if plan.watched is not None:
        await visitor.message(
            lambda each: each["id"] == progress["id"] and each["content"] != progress["content"]
        )
        await pressed(visitor, progress, label)


async def ask_for_a_picture(book: Book, plan: Plan) -> None:
    """/imagine, its progress, and the result."""
    visitor, words = book.visitor, "a red fox in the snow"
    book.heading("Ask for a picture")
    book.say(
        f"`/imagine prompt:{words}`. The answer is for you alone; the progress is for everyone, "
        "with a new preview every few seconds."
    )
    answer, progress = await begun(visitor, plan, prompt=words, seed=7, model=plan.natural)
    await book.show(
        "progress", "The answer that the picture is queued, and its progress", answer, progress
    )
    await stopped(visitor, plan, progress)
    result = await newest(visitor, "Video", words)
    book.say("The result is a message of its own, which pings you.")
    await book.show("result", f"The result: {words}, with its settings and buttons", result)


async def change_it_while_it_paints(book: Book, plan: Plan) -> None:
    """Nudge, and a result that tells of it."""
    visitor, words, others = book.visitor, "a red circle", "a blue circle"
    book.heading("Change it while it paints")
    book.say(
        "*Nudge* opens the words while the picture is painted; what you write holds from the next "
        "iteration on. *Freeze* keeps a part as it is, *Longer*, *Bolder* and *Calmer* change how "
        "it goes on, and *Stop* ends it early, with the picture so far."
    )
    options = {"prompt": words, "seed": 5, "model": plan.drawn, "iterations": 150}
    _answer, progress = await begun(visitor, plan, **options)
    opened = await pressed(visitor, progress, "Nudge")
    [field] = [part["component"] for part in opened["modal"]["components"] if "component" in part]
    answer = await answered(
        visitor,
        "submit",
        interaction=opened["interaction"],
        values={field["custom_id"]: others},
    )
    await book.show_modal("nudge", "A form with the prompt, to change it", opened["modal"])
    if plan.watched is not None:
        await stopped(visitor, plan, await newest(visitor, "Nudge", others))
    result = await newest(visitor, "Video", others)
    await book.show("nudged", "The answer, and the result with both prompts", answer, result)


async def paint_four_and_choose(book: Book, plan: Plan) -> None:
    """A grid, a variation of one of its pictures, and a larger one."""
    visitor, words = book.visitor, "a sunflower on a blue background"
    book.heading("Paint four, and go on from one")
    book.say(
        f"`/imagine prompt:{words} count:4` paints four seeds together. *V2* paints variations "
        "of the second picture, *U1* a larger one of the first; *More* under a single picture also "
        "zooms out, and moves the view."
    )
    options = {"prompt": words, "seed": 20, "count": 4, "model": plan.drawn}
    await visitor.do("command", path="imagine", options=options)
    grid = await newest(visitor, "V2", words)
    await book.show("grid", f"Four pictures of {words}, with buttons for each", grid)
    await pressed(visitor, grid, "V2")
    varied = await newest(visitor, "V2", "variation")
    await book.show("variations", "Four variations of the second picture", varied)
    await pressed(visitor, varied, "U1")
    larger = await newest(visitor, "Video", "larger")
    await book.show("larger", "The first variation, painted larger", larger)


async def edit_by_a_reply(book: Book, plan: Plan) -> None:
    """A reply to a result, and the result of that."""
    visitor, words = book.visitor, "a red fox in the snow"
    book.heading("Edit a picture with words")
    book.say(
        "Reply to a picture with `edit:` and what it should become, or with your own version of "
        "it. *Edit* under the picture and *Edit this image* in a message's menu open a form, where "
        "words or a mask also say which part can change ([editing.md](editing.md))."
    )
    picture = await newest(visitor, "Video", words)
    text = "edit: an Arctic fox in the snow --strength 0.8 --seed 3"
    if plan.watched is not None:  # else the edit has as many iterations as the picture
        text += " --iterations 3"
    await visitor.do("say", content=text, reply_to=picture["id"])
    reply = await visitor.message(lambda each: each["content"] == text)
    edited = await newest(visitor, "Video", "an Arctic fox")
    await book.show("edited", "The reply, and the edited picture", reply, edited)


async def go_on_from_pictures(book: Book, plan: Plan) -> None:
    """Describe, and blend."""
    visitor = book.visitor
    book.heading("Start from pictures")
    fox = await newest(visitor, "Video", "a red fox in the snow")
    flower = await newest(visitor, "Video", "a sunflower on a blue background")
    answer = await answered(visitor, "menu", name="Describe this image", message=fox["id"])
    book.say(
        "*Describe this image* in a message's menu, or `/describe`, finds words for a picture. A "
        "number paints that prompt."
    )
    await book.show("described", "Four prompts for the picture, each with a button", answer)
    book.say("`/blend` paints one picture out of two to five, and words if there are any.")
    files = {
        option: {
            "attachment": await visitor.upload(
                f"{option}.png", await visitor.file(message["attachments"][0]["url"])
            )
        }
        for option, message in (("image", fox), ("image_2", flower))
    }
    options = {"prompt": "a fox among sunflowers", "seed": 11, "model": plan.natural}
    await visitor.do("command", path="blend", options=options | files)
    blended = await newest(visitor, "Video", "among")
    await book.show("blended", "A picture blended out of two, with words", blended)


async def find_pictures_again(book: Book, plan: Plan) -> None:
    """Info, the tree, the history and the gallery."""
    visitor = book.visitor
    book.heading("Find pictures again")
    larger = await newest(visitor, "Video", "larger")
    book.say("*Info* in a picture's menu tells how it was made, with the curve of its losses.")
    info = await answered(visitor, "menu", name="Info", message=larger["id"])
    await book.show("info", "Prompt, settings, parents and losses of the larger sunflower", info)
    await pressed(visitor, info, "Lineage")
    tree = await visitor.message(
        lambda each: is_hidden(each) and "tree.png" in str(each["components"])
    )
    book.say("*Lineage* there, or `/lineage`, shows what was made from what.")
    await book.show("lineage", "A tree from the grid to its variation and the larger one", tree)
    history = await answered(visitor, "command", path="history", options={"kind": "edited"})
    book.say(
        "`/history` lists your own pictures, by words, kind, model and time; `/gallery` the "
        "server's, in the channels that you can see."
    )
    await book.show("history", "Edited pictures, each with its buttons", history)
    gallery = await answered(visitor, "command", path="gallery", options={})
    await book.show("gallery", "The server's newest pictures side by side", gallery)


async def be_a_moderator(book: Book, plan: Plan) -> None:
    """Settings, and what a refusal looks like."""
    visitor = book.visitor
    book.heading("Run a server")
    await book.look("morgan")
    book.say(
        "Moderators decide what is painted and how it looks ([settings.md](settings.md)). Here "
        "they block a word, and have results show how the picture came about."
    )
    blocked = await answered(
        visitor, "command", path="config words add", options={"words": "dragon", "forms": True}
    )
    strip = await answered(
        visitor, "command", path="config set", options={"name": "strip", "value": "on"}
    )
    curve = await answered(
        visitor, "command", path="config set", options={"name": "sparkline", "value": "on"}
    )
    await book.show("settings", "The answers to three commands", blocked, strip, curve)
    await book.look("robin")
    refused = await answered(
        visitor, "command", path="imagine", options={"prompt": "two dragons over a lake"}
    )
    words = "a yellow star above a green ring"
    _answer, progress = await begun(visitor, plan, prompt=words, seed=4, model=plan.drawn)
    await stopped(visitor, plan, progress)
    looks = await newest(visitor, "Video", words)
    if len(looks["embeds"]) != 2 or "▁" not in looks["embeds"][0]["footer"]["text"]:
        raise LostError(f"The result has no strip or no curve: {looks}")
    book.say("A member is told what to change, and sees the strip and the curve from then on.")
    await book.show(
        "refused", "A refusal; the blocked word is hidden until you click on it", refused
    )
    await book.show("strip", "A result with a strip of previews and a curve", looks)


async def speak_german(book: Book, plan: Plan) -> None:
    """The same commands for somebody whose Discord is in German."""
    visitor, words = book.visitor, "a penguin in the snow"
    book.heading("In your language")
    book.say("If your Discord is in German, so are the answers.")
    await visitor.do("speak", language="de")
    answer, progress = await begun(visitor, plan, prompt=words, seed=2, model=plan.drawn)
    await book.show("german", "An answer and the progress in German", answer, progress)
    await stopped(visitor, plan, progress, "Stopp")
    await newest(visitor, "Löschen", words)
    await visitor.do("speak", language="en-US")


def _named(message: Message, label: str) -> str:
    """The custom id of the button with that label."""
    found = [each["custom_id"] for each in buttons(message) if each.get("label") == label]
    if not found:
        raise LostError(f"There is no button {label}: {message}")
    return str(found[0])


CHAPTERS = (
    ask_for_a_picture,
    change_it_while_it_paints,
    paint_four_and_choose,
    edit_by_a_reply,
    go_on_from_pictures,
    find_pictures_again,
    be_a_moderator,
    speak_german,
)


async def tell(book: Book, plan: Plan) -> None:
    """Tell the whole story."""
    for chapter in CHAPTERS:
        await chapter(book, plan)
