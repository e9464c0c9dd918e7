// Discord's markup to elements: as much of it as messages of the bot and of people have.

import { byId, make } from "./dom.js";

const UNITS = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600],
  ["minute", 60], ["second", 1]];

function relative(seconds) {
  const away = seconds - Date.now() / 1000;
  const [unit, size] = UNITS.find(([, size]) => Math.abs(away) >= size) || UNITS.at(-1);
  const words = new Intl.RelativeTimeFormat(byId("language").value, { numeric: "auto" });
  return words.format(Math.round(away / size), unit);
}

// Keeps "in 20 seconds" right while a message stays as it is.
setInterval(() => {
  for (const each of document.querySelectorAll("time[data-relative]")) {
    each.textContent = relative(Number(each.dataset.relative));
  }
}, 1000);

function moment(seconds, style) {
  const date = new Date(seconds * 1000);
  if (style === "R") {
    return make("time", { "data-relative": seconds, title: date.toLocaleString() },
      relative(seconds));
  }
  return make("time", {}, style === "t" ? date.toLocaleTimeString() : date.toLocaleString());
}

// Each rule: a pattern and what its match becomes. The first that matches at a place wins.
const RULES = [
  [/```(?:\w*\n)?([\s\S]+?)```/y, (found) => make("pre", {}, found[1])],
  [/`([^`]+)`/y, (found) => make("code", {}, found[1])],
  [/\\([^\w\s])/y, (found) => document.createTextNode(found[1])],
  [/\|\|([\s\S]+?)\|\|/y, (found, names) => make("span", { class: "spoiler", onclick: reveal },
    inline(found[1], names))],
  [/\*\*([\s\S]+?)\*\*/y, (found, names) => make("strong", {}, inline(found[1], names))],
  [/__([\s\S]+?)__/y, (found, names) => make("u", {}, inline(found[1], names))],
  [/~~([\s\S]+?)~~/y, (found, names) => make("s", {}, inline(found[1], names))],
  [/\*([^*\n]+)\*/y, (found, names) => make("em", {}, inline(found[1], names))],
  [/(?<!\w)_([^_\n]+)_(?!\w)/y, (found, names) => make("em", {}, inline(found[1], names))],
  [/<t:(-?\d+)(?::([a-zA-Z]))?>/y, (found) => moment(Number(found[1]), found[2])],
  [/<\/([^:>]+):\d+>/y, (found, names) => make("button", {
    class: "mention", type: "button", onclick: () => names.open(found[1]),
  }, `/${found[1]}`)],
  [/<@!?(\d+)>/y, (found, names) => make("span", { class: "mention" },
    `@${names.people[found[1]] || "someone"}`)],
  [/<@&(\d+)>/y, (found, names) => make("span", { class: "mention" },
    `@${names.roles[found[1]] || "role"}`)],
  [/<#(\d+)>/y, (found, names) => make("span", { class: "mention" },
    `#${names.channels[found[1]] || "channel"}`)],
  [/https:\/\/discord\.com\/channels\/(@me|\d+)\/(\d+)(?:\/(\d+))?/y, (found, names) => make("button", {
    class: "mention", type: "button", onclick: () => names.jump(found[2], found[3]),
  }, `#${names.channels[found[2]] || "channel"}${found[3] ? " › message" : ""}`)],
  [/\[([^\]]+)\]\(<?(https?:[^)\s>]+)>?\)/y, (found, names) => link(found[2],
    inline(found[1], names))],
  [/<(https?:[^\s>]+)>/y, (found) => link(found[1], found[1])],
  [/https?:\/\/[^\s<>)]+/y, (found) => link(found[0], found[0])],
];

const reveal = (event) => event.currentTarget.classList.add("shown");
const link = (address, words) => make("a", {
  href: address, target: "_blank", rel: "noreferrer noopener",
}, words);

function inline(text, names) {
  const parts = [];
  let plain = "";
  for (let place = 0; place < text.length;) {
    let found = null;
    for (const [pattern, become] of RULES) {
      pattern.lastIndex = place;
      found = pattern.exec(text);
      if (found) {
        if (plain) parts.push(plain);
        plain = "";
        parts.push(become(found, names));
        place += found[0].length;
        break;
      }
    }
    if (!found) plain += text[place++];
  }
  if (plain) parts.push(plain);
  return parts;
}

// Lines of their own: headings, small print, quotes, lists.
const LINES = [
  [/^(#{1,3}) (.*)$/, (found, names) => make(`h${found[1].length + 3}`, {}, inline(found[2], names))],
  [/^-# (.*)$/, (found, names) => make("small", {}, inline(found[1], names))],
  [/^> (.*)$/, (found, names) => make("blockquote", {}, inline(found[1], names))],
  [/^\s*[-*] (.*)$/, (found, names) => make("div", { class: "item" }, inline(found[1], names))],
];

// names: people, roles and channels by id; open(path) starts a command, jump(channel, message)
// shows a message.
export function marked(text, names) {
  const whole = make("div", { class: "text" });
  let lines = [];
  const flush = () => {
    if (lines.length) whole.append(make("div", {}, inline(lines.join("\n"), names)));
    lines = [];
  };
  let inCode = false;
  for (const line of text.split("\n")) {
    const rule = inCode ? null : LINES.find(([pattern]) => pattern.test(line));
    if ((line.match(/```/g) || []).length % 2) inCode = !inCode;
    if (rule) {
      flush();
      whole.append(rule[1](rule[0].exec(line), names));
    } else lines.push(line);
  }
  flush();
  return whole;
}
