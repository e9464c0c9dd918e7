// The page: what a person sees in a channel, kept up to date, and what they do there.

import { fill, paths } from "./command.js";
import { byId, make } from "./dom.js";
import { ask } from "./modal.js";
import { attachment, component, embed, namedInEmbeds } from "./parts.js";
import { marked } from "./text.js";

const [EPHEMERAL, LOADING, MESSAGE_MENU] = [64, 128, 3];
// What the server has sent: place, here, channels, commands and messages.
const state = { place: null, here: {}, channels: [], commands: [], messages: [] };
const dismissed = new Set();
let socket = null;
let replyTo = null;

function names() {
  const byIds = (all) => Object.fromEntries(all.map((each) => [each.id, each.name]));
  const { place } = state;
  return {
    people: byIds([...place.people, place.bot]), roles: byIds(place.roles),
    channels: byIds(state.channels), open: start, jump,
  };
}

function jump(channel, message) {
  if (channel !== state.here.channel) look({ channel });
  const found = document.querySelector(`[data-message="${message}"]`);
  if (!found) return;
  found.scrollIntoView({ block: "center" });
  found.classList.add("found");
  setTimeout(() => found.classList.remove("found"), 2000);
}

function say(error) {
  byId("error").textContent = error || "";
  byId("error").hidden = !error;
}

async function act(kind, more) {
  const { as, channel } = state.here;
  const answer = await fetch("/act", {
    method: "POST", headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ act: kind, as, channel, ...more }),
  });
  const done = answer.ok ? await answer.json() : { error: await answer.text() };
  say(done.error);
  if (done.modal) {
    ask(done.modal, context(), (values) => act("submit", { interaction: done.interaction, values }));
  }
  return done;
}

async function upload(file) {
  const where = new URLSearchParams({ name: file.name, ...state.here });
  const answer = await fetch(`/upload?${where}`, { method: "POST", body: file });
  if (!answer.ok) throw new Error(await answer.text());
  return { attachment: (await answer.json()).id };
}

function context(message) {
  return {
    ...state, names: names(), act, upload,
    press: (id) => act("press", { message: message.id, custom_id: id }),
    choose: (id, values) => act("select", { message: message.id, custom_id: id, values }),
  };
}

// Commands.

function start(path, given) {
  const command = paths(state.commands, state.here.language).find((each) => each.path === path);
  if (!command) return;
  byId("offers").hidden = true;
  byId("say").hidden = true;
  const stop = () => {
    byId("command").hidden = true;
    byId("say").hidden = false;
    byId("text").value = "";
    byId("text").focus();
  };
  fill(command, context(), async (sent, options) => {
    const done = await act("command", { path: sent, options });
    if (!done.error) stop();
  }, stop, given);
}

function offerCommands() {
  const typed = byId("text").value;
  const list = byId("offers");
  if (!typed.startsWith("/")) { list.hidden = true; return; }
  const wanted = typed.slice(1).toLowerCase();
  const all = paths(state.commands, state.here.language);
  const close = all.filter((each) => each.names.startsWith(wanted));
  const found = [...close, ...all.filter((each) => !close.includes(each)
    && each.names.includes(wanted))];
  list.replaceChildren(...found.map((each, number) => make("li", {
    role: "option", "aria-selected": number === 0 ? "true" : "false", "data-path": each.path,
    onmousedown: (event) => { event.preventDefault(); start(each.path); },
  }, make("strong", {}, `/${each.names}`), ` ${each.about}`)));
  list.hidden = !found.length;
}

function moveOffer(by) {
  const all = [...byId("offers").children];
  const now = all.findIndex((each) => each.getAttribute("aria-selected") === "true");
  const next = all[(now + by + all.length) % all.length];
  all.forEach((each) => each.setAttribute("aria-selected", each === next ? "true" : "false"));
  next.scrollIntoView({ block: "nearest" });
}

byId("text").addEventListener("input", offerCommands);
byId("text").addEventListener("blur", () => { byId("offers").hidden = true; });
byId("text").addEventListener("focus", offerCommands);
byId("text").addEventListener("keydown", (event) => {
  if (byId("offers").hidden) return;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    moveOffer(event.key === "ArrowDown" ? 1 : -1);
  } else if (event.key === "Enter" || event.key === "Tab") {
    event.preventDefault();
    start(byId("offers").querySelector('[aria-selected="true"]').dataset.path);
  }
});

// Messages that people write.

function reply(message) {
  replyTo = message;
  const ping = make("input", { type: "checkbox", checked: true });
  byId("replying").replaceChildren(`Replying to ${message.author.username} `,
    make("label", {}, ping, " ping"), " ",
    make("button", { type: "button", class: "plain", onclick: noReply }, "✕"));
  byId("replying").hidden = false;
  byId("text").focus();
}

function noReply() {
  replyTo = null;
  byId("replying").hidden = true;
}

byId("files").addEventListener("change", () => {
  byId("attached").textContent = [...byId("files").files].map((file) => file.name).join(", ");
});

byId("say").addEventListener("submit", async (event) => {
  event.preventDefault();
  const files = [];
  for (const file of byId("files").files) files.push((await upload(file)).attachment);
  const { bot } = state.place;
  const ping = byId("replying").querySelector("input");
  const done = await act("say", {
    content: byId("text").value.replaceAll(`@${bot.name}`, `<@${bot.id}>`), files,
    reply_to: replyTo && replyTo.id, ping: !replyTo || ping.checked,
  });
  if (done.error) return;
  byId("say").reset();
  byId("attached").textContent = "";
  noReply();
});

// What is shown.

function body(message) {
  if (message.failed) return make("p", { class: "failed" }, message.content);
  if (message.flags & LOADING) return make("p", { class: "thinking" }, "imagine is thinking…");
  const here = context(message);
  const inEmbeds = namedInEmbeds(message);
  const inComponents = JSON.stringify(message.components);
  const files = message.attachments.filter((file) => !inEmbeds.has(file.filename)
    && !inComponents.includes(file.id));
  return [
    message.content ? marked(message.content, here.names) : null,
    message.embeds.map((each) => embed(each, message, here.names)),
    files.map(attachment),
    message.components.map((each) => component(each, here)),
  ];
}

function tools(message) {
  if (message.failed || message.flags & (LOADING | EPHEMERAL)) return null;
  const here = state.channels.find((each) => each.id === state.here.channel) || {};
  const menus = state.commands.filter((each) => each.type === MESSAGE_MENU);
  const name = (each) => (each.name_localizations || {})[state.here.language] || each.name;
  const can = here.moderates || message.author.id === state.here.as;
  return make("div", { class: "tools" },
    make("button", { type: "button", onclick: () => reply(message) }, "Reply"),
    make("button", { type: "button", onclick: () => react(message, "⭐") }, "⭐"),
    menus.map((each) => make("button", {
      type: "button", onclick: () => act("menu", { name: each.name, message: message.id }),
    }, name(each))),
    can ? make("button", { type: "button",
      onclick: () => act("delete", { message: message.id }) }, "Delete") : null);
}

function react(message, emoji) {
  return act("react", { message: message.id, emoji });
}

function reactions(message) {
  if (!message.reactions) return null;
  return make("div", { class: "row" }, message.reactions.map((each) => make("button", {
    type: "button", class: "plain", onclick: () => react(message, each.emoji.name),
  }, `${each.emoji.name} ${each.count}`)));
}

// The first words of a message that another one answers, without markup.
function beginning(message) {
  const words = marked(message.content || "a picture", names()).textContent.slice(0, 80);
  return message.attachments?.length && message.content ? `${words} (a picture)` : words;
}

function row(message) {
  const { author } = message;
  const answered = message.referenced_message;
  const time = message.timestamp ? new Date(message.timestamp).toLocaleTimeString() : "";
  return make("li", { "data-message": message.id,
    class: message.flags & EPHEMERAL ? "message hidden" : "message" },
  answered ? make("div", { class: "answered" },
    `↪ ${answered.author.username}: ${beginning(answered)}`) : null,
  make("div", { class: "by" }, make("strong", {}, author.global_name || author.username),
    author.bot ? make("span", { class: "app" }, "APP") : null, make("time", {}, time),
    message.edited_timestamp ? make("small", {}, "(edited)") : null),
  body(message), reactions(message), tools(message),
  message.flags & EPHEMERAL ? make("small", {}, "Only you can see this · ",
    make("button", { type: "button", class: "plain", onclick: () => {
      dismissed.add(message.id);
      showMessages();
    } }, "Dismiss message")) : null);
}

const shownNow = new Map();  // by id: the JSON that an element was made of, and the element

function showMessages() {
  const list = byId("messages");
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  const elements = [];
  for (const message of state.messages.filter((each) => !dismissed.has(each.id))) {
    const made = JSON.stringify([message, state.here, state.commands.length]);
    const before = shownNow.get(message.id);
    if (!before || before.made !== made) {
      shownNow.set(message.id, { made, element: row(message) });
    }
    elements.push(shownNow.get(message.id).element);
  }
  elements.forEach((each, number) => {
    if (list.children[number] !== each) list.insertBefore(each, list.children[number] || null);
  });
  while (list.children.length > elements.length) list.lastChild.remove();
  if (atEnd) list.scrollTop = list.scrollHeight;
}

// Pictures arrive after their message.
byId("messages").addEventListener("load", (event) => {
  const list = byId("messages");
  const left = list.scrollHeight - list.scrollTop - list.clientHeight;
  if (left < event.target.height + 120) list.scrollTop = list.scrollHeight;
}, true);

function showPlace() {
  const { place, here, channels } = state;
  byId("server").textContent = place.server;
  byId("ready").textContent = place.ready ? "" : "The bot is starting…";
  const now = channels.find((each) => each.id === here.channel);
  byId("channel").textContent = now ? (now.direct ? "@imagine" : `#${now.name}`) : "";
  byId("channels").replaceChildren(...channels.map((each) => make("li", {},
    make("button", {
      type: "button", "aria-current": each.id === here.channel ? "true" : "false",
      onclick: () => look({ channel: each.id }),
    }, each.direct ? `@ ${each.name}` : `# ${each.name}`))));
  if (byId("person").children.length === 0) {
    byId("person").replaceChildren(...place.people.map((each) => make("option",
      { value: each.id }, `${each.name}, ${each.about}`)));
  }
  byId("person").value = here.as;
  byId("language").value = here.language;
}

function look(change) {
  say("");
  noReply();
  if (!byId("command").hidden) byId("command").querySelector(".secondary").click();
  const wanted = { as: state.here.as, channel: state.here.channel, ...change };
  const direct = state.channels.find((each) => each.id === wanted.channel)?.direct;
  if (change.as && direct) delete wanted.channel;  // somebody else's direct messages
  socket.send(JSON.stringify(wanted));
}

byId("person").addEventListener("change", () => look({ as: byId("person").value }));
byId("language").addEventListener("change", () => act("speak",
  { language: byId("language").value }));

function connect() {
  socket = new WebSocket(`ws://${location.host}/live`);
  socket.addEventListener("message", ({ data }) => {
    Object.assign(state, JSON.parse(data));
    showPlace();
    showMessages();
  });
  socket.addEventListener("close", () => {
    byId("ready").textContent = "The preview has ended. Start it again to go on.";
    setTimeout(connect, 2000);
  });
}

connect();
