// The list of commands behind "/", and the form of one command's options.

import { byId, make } from "./dom.js";

const [SUBCOMMAND, GROUP] = [1, 2];

const local = (thing, what, language) => (thing[`${what}_localizations`] || {})[language]
  || thing[what];

// All slash commands by their path, with groups opened: "config channels allow".
export function paths(commands, language) {
  const found = [];
  const walk = (each, path, names) => {
    const inner = (each.options || []).filter((one) => [SUBCOMMAND, GROUP].includes(one.type));
    for (const one of inner) {
      walk(one, `${path} ${one.name}`, `${names} ${local(one, "name", language)}`);
    }
    if (!inner.length) {
      found.push({ path, names, about: local(each, "description", language),
        options: each.options || [] });
    }
  };
  for (const each of commands.filter((one) => (one.type || 1) === 1)) {
    walk(each, each.name, local(each, "name", language));
  }
  return found.sort((a, b) => a.names.localeCompare(b.names));
}

function plain(option, context) {
  if (option.type === 5) return [["true", "True"], ["false", "False"]];
  if (option.type === 6) return context.place.people.map((each) => [each.id, each.name]);
  if (option.type === 8) return context.place.roles.map((each) => [each.id, each.name]);
  if (option.type === 7) {
    return context.channels.filter((each) => !each.direct
      && (!option.channel_types?.length || option.channel_types.includes(each.type)))
      .map((each) => [each.id, `#${each.name}`]);
  }
  if (option.type === 9) {
    return [...context.place.people, ...context.place.roles].map((each) => [each.id, each.name]);
  }
  return (option.choices || []).map((each) => [String(each.value),
    local(each, "name", context.here.language)]);
}

// A value as the server takes it; undefined if nothing was chosen.
async function read(option, input, context) {
  if (option.type === 11) {
    return input.files.length ? context.upload(input.files[0]) : undefined;
  }
  const value = input.dataset.value ?? input.value;
  if (value === "") return undefined;
  switch (option.type) {
    case 4: case 10: return Number(value);
    case 5: return value === "true";
    case 6: return { user: value };
    case 7: return { channel: value };
    case 8: return { role: value };
    case 9: return context.place.roles.some((each) => each.id === value)
      ? { role: value } : { user: value };
    default: return value;
  }
}

function completed(option, input, form, context) {
  const list = byId("offers");
  let asked = 0;
  const offer = async () => {
    const mine = ++asked;
    const typed = [4, 10].includes(option.type) ? Number(input.value) || 0 : input.value;
    const { choices } = await context.act("complete", {
      path: form.path, option: option.name, typed,
      options: await form.values(option.name, true),
    });
    if (mine !== asked || document.activeElement !== input) return;
    list.replaceChildren(...(choices || []).map((each) => make("li", {
      role: "option",
      onmousedown: (event) => {
        event.preventDefault();
        input.value = each.name;
        input.dataset.value = each.value;
        list.hidden = true;
      },
    }, each.name)));
    list.hidden = !list.children.length;
  };
  input.addEventListener("input", () => {
    delete input.dataset.value;
    offer();
  });
  input.addEventListener("focus", offer);
  input.addEventListener("blur", () => { list.hidden = true; });
}

// Shows the options of a command, and sends it once submitted.
export function fill(command, context, send, cancel, given = {}) {
  const form = byId("command");
  const fields = make("div", { class: "fields" });
  const more = make("div", { class: "more" });
  const inputs = new Map();
  const state = {
    path: command.path,
    async values(without, textsOnly = false) {
      const found = {};
      for (const [option, input] of inputs.values()) {
        if (option.name === without || (textsOnly && option.type === 11)) continue;
        const value = await read(option, input, context);
        if (value !== undefined) found[option.name] = value;
      }
      return found;
    },
  };

  function add(option, value) {
    const about = local(option, "description", context.here.language);
    const choices = plain(option, context);
    let input;
    if (option.type === 11) {
      input = make("input", { type: "file", required: option.required });
    } else if (choices.length) {
      input = make("select", { required: option.required },
        make("option", { value: "" }, ""),
        choices.map(([id, name]) => make("option", { value: id }, name)));
    } else {
      const number = [4, 10].includes(option.type) && !option.autocomplete;
      input = make("input", {
        type: number ? "number" : "text", step: option.type === 10 ? "any" : null,
        min: option.min_value, max: option.max_value, maxlength: option.max_length,
        required: option.required, autocomplete: "off",
      });
      if (option.autocomplete) completed(option, input, state, context);
    }
    input.dataset.option = option.name;
    if (value !== undefined) input.value = value;
    inputs.set(option.name, [option, input]);
    fields.append(make("label", { title: about }, local(option, "name", context.here.language),
      input));
    return input;
  }

  for (const option of command.options) {
    if (option.required || given[option.name] !== undefined) add(option, given[option.name]);
    else {
      const chip = make("button", {
        type: "button", class: "chip", title: local(option, "description", context.here.language),
        "data-add": option.name,
        onclick: () => { chip.remove(); add(option).focus(); },
      }, `+ ${local(option, "name", context.here.language)}`);
      more.append(chip);
    }
  }
  form.replaceChildren(
    make("div", { class: "row" }, make("strong", {}, `/${command.names}`),
      make("span", { class: "about" }, command.about)),
    fields, more,
    make("div", { class: "row" },
      make("button", { type: "submit", class: "button primary" }, "Send"),
      make("button", { type: "button", class: "button secondary", onclick: cancel }, "Cancel")));
  form.onsubmit = async (event) => {
    event.preventDefault();
    await send(command.path, await state.values());
  };
  form.onkeydown = (event) => { if (event.key === "Escape") cancel(); };
  form.hidden = false;
  (fields.querySelector("input, select") || form.querySelector("button")).focus();
}
