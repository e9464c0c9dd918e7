// Attachments, embeds and components of a message.

import { colour, make } from "./dom.js";
import { marked } from "./text.js";

const isPicture = (file) => (file.content_type || "").startsWith("image/");
const isVideo = (file) => (file.content_type || "").startsWith("video/");
const isSpoiler = (file) => file.filename.startsWith("SPOILER_");

function shown(element, spoiler) {
  if (!spoiler) return element;
  const cover = make("div", { class: "spoiler picture" }, element);
  cover.addEventListener("click", (event) => {
    if (!cover.classList.contains("shown")) event.preventDefault();
    cover.classList.add("shown");
  });
  return cover;
}

function picture(address, words, spoiler = false) {
  return shown(make("a", { href: address, target: "_blank" },
    make("img", { src: address, alt: words || "" })), spoiler);
}

export function attachment(file) {
  if (isPicture(file)) return picture(file.url, file.description, isSpoiler(file));
  if (isVideo(file)) return shown(make("video", { src: file.url, controls: true }), isSpoiler(file));
  return make("a", { class: "download", href: file.url, download: file.filename },
    `${file.filename} (${Math.ceil(file.size / 1024)} KB)`);
}

// Discord shows an attached file that an embed names in the embed only.
export function namedInEmbeds(message) {
  return new Set((message.embeds || []).flatMap((each) => [each.image, each.thumbnail])
    .filter(Boolean).map((media) => media.url.replace("attachment://", "")));
}

function address(url, message) {
  const file = message.attachments.find((each) => `attachment://${each.filename}` === url);
  return file || { url };
}

export function embed(given, message, names) {
  const media = (each) => {
    if (!each) return null;
    const file = address(each.url, message);
    return picture(file.url, file.description);
  };
  return make("section", {
    class: "embed", style: `border-color: ${colour(given.color || 0x4e5058)}`,
  },
  given.author ? make("div", { class: "author" }, given.author.name) : null,
  given.title ? make("strong", {}, marked(given.title, names)) : null,
  given.description ? marked(given.description, names) : null,
  given.fields.map((field) => make("div", { class: field.inline ? "field inline" : "field" },
    make("strong", {}, field.name), marked(field.value, names))),
  media(given.image), media(given.thumbnail),
  given.footer ? make("small", {}, given.footer.text) : null);
}

const STYLES = { 1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "link" };

function button(part, context) {
  const words = [part.emoji && part.emoji.name, part.label].filter(Boolean).join(" ");
  if (part.style === 5) {
    return make("a", { class: "button link", href: part.url, target: "_blank" }, words);
  }
  return make("button", {
    type: "button", class: `button ${STYLES[part.style]}`, disabled: part.disabled,
    "data-id": part.custom_id, onclick: () => context.press(part.custom_id),
  }, words);
}

// What a select offers: [value, label, is chosen].
export function offered(part, context) {
  const chosen = new Set((part.default_values || []).map((each) => each.id));
  const people = context.place.people.map((each) => [each.id, each.name, "user"]);
  const roles = context.place.roles.map((each) => [each.id, each.name, "role"]);
  const channels = context.channels.filter((each) => !each.direct
    && (!part.channel_types?.length || part.channel_types.includes(each.type)))
    .map((each) => [each.id, each.name, "channel"]);
  const kinds = { 5: people, 6: roles, 7: [...people, ...roles], 8: channels };
  if (part.type === 3 || !kinds[part.type]) {
    return part.options.map((each) => [each.value, each.label, each.default, each.description]);
  }
  return kinds[part.type].map(([id, name, kind]) => [{ [kind]: id }, name, chosen.has(id)]);
}

// A select of one value sends it at once; one of several has a button.
export function select(part, context, choose) {
  const rows = offered(part, context);
  const many = part.max_values > 1;
  const list = make("select", {
    multiple: many, size: many ? Math.min(rows.length, 5) : null, "data-id": part.custom_id,
    disabled: part.disabled, "aria-label": part.placeholder,
  },
  many ? null : make("option", { value: "", disabled: part.min_values > 0 },
    part.placeholder || "Choose"),
  rows.map(([, label, on, about], number) => make("option", {
    value: number, selected: on,
  }, about ? `${label} (${about})` : label)));
  const values = () => [...list.selectedOptions].filter((each) => each.value !== "")
    .map((each) => rows[Number(each.value)][0]);
  if (!rows.some(([, , on]) => on) && !many) list.value = "";
  if (!choose) return [list, values];
  if (!many) {
    list.addEventListener("change", () => choose(values()));
    return [list, values];
  }
  const send = make("button", { type: "button", class: "button secondary",
    onclick: () => choose(values()) }, "Choose");
  return [make("span", { class: "many" }, list, send), values];
}

export function component(part, context) {
  const inner = () => (part.components || []).map((each) => component(each, context));
  switch (part.type) {
    case 1: return make("div", { class: "row" }, inner());
    case 2: return button(part, context);
    case 3: case 5: case 6: case 7: case 8:
      return select(part, context, (values) => context.choose(part.custom_id, values))[0];
    case 9: return make("div", { class: "section" }, make("div", {}, inner()),
      component(part.accessory, context));
    case 10: return marked(part.content, context.names);
    case 11: return picture(part.media.url, part.description, part.spoiler);
    case 12: return make("div", { class: "gallery" }, part.items.map((item) =>
      picture(item.media.url, item.description, item.spoiler)));
    case 13: return make("a", { class: "download", href: part.file.url, download: true }, "File");
    case 14: return make("hr");
    case 17: return make("section", {
      class: "embed container",
      style: `border-color: ${colour(part.accent_color || 0x4e5058)}`,
    }, inner());
    default: return make("em", {}, `(a component of type ${part.type})`);
  }
}
