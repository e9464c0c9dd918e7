// A modal: shows its fields and returns their values when it is submitted.

import { byId, make } from "./dom.js";
import { select } from "./parts.js";
import { marked } from "./text.js";

function field(part, context) {
  if (part.type === 4) {
    const long = part.style === 2;
    const input = make(long ? "textarea" : "input", {
      rows: long ? 4 : null, maxlength: part.max_length, minlength: part.min_length,
      required: part.required !== false, placeholder: part.placeholder, value: part.value || "",
      "data-id": part.custom_id,
    });
    return [input, () => input.value];
  }
  if (part.type === 19) {
    const input = make("input", { type: "file", multiple: (part.max_values || 1) > 1,
      "data-id": part.custom_id });
    return [input, async () => Promise.all([...input.files].map(context.upload))];
  }
  if (part.type === 23) {
    const input = make("input", { type: "checkbox", checked: part.default });
    return [input, () => input.checked];
  }
  if (part.type === 21) {
    const [list, values] = select({ ...part, max_values: 1 }, context);
    return [list, () => values()[0]];
  }
  const many = part.type === 22 ? { ...part, max_values: part.options.length } : part;
  return select(many, context);
}

// Asks for the fields; calls send(values) unless it is dismissed.
export function ask(modal, context, send) {
  const dialog = byId("modal");
  const readers = [];
  const rows = modal.components.map((part) => {
    if (part.type === 10) return marked(part.content, context.names);
    const [input, read] = field(part.component, context);
    readers.push([part.component.custom_id, read]);
    return make("label", {}, make("strong", {}, part.label),
      part.description ? make("small", {}, part.description) : null, input);
  });
  const form = make("form", { method: "dialog" }, make("h3", {}, modal.title), rows,
    make("div", { class: "row" },
      make("button", { type: "button", class: "button secondary", onclick: () => dialog.close() },
        "Cancel"),
      make("button", { type: "submit", class: "button primary" }, "Submit")));
  form.addEventListener("submit", async () => {
    const values = {};
    for (const [id, read] of readers) values[id] = await read();
    send(values);
  });
  dialog.replaceChildren(form);
  dialog.showModal();
}
