// Forms of a document, drawn from data that says what its fields are (schema.js). The document is the one thing that is
// kept: fields write into it, and read it again when something else has.

import { fresh, h, put as fill } from "../kit/dom.js";
import { field } from "../kit/form.js";
import { leaf } from "./leaves.js";
import { above, isObject, put, valueAt, written } from "./paths.js";

/** `changed` is told after each change by a field. Gives {element, set(document), refuse(param, message), clear(), broken()}. */
export function engine(sections, changed) {
  const element = h("div", { class: "sections" });
  const places = new Map();
  const handles = new Map();
  const aside = new Map();
  const open = new Set([sections[0].id]);
  let kept = {};
  let pulls = [];

  const inside = {
    document: () => kept,
    broken: new Set(),
    aside,
    name: (node, path) => written(node.names ? [...path, node.names] : path),
    read: (path) => (path.length ? valueAt(kept, path) : kept),
    write(path, value, firm) {
      put(kept, path, value, firm);
      pulled();
    },
    place: (node, path, one) => places.set(inside.name(node, path), one),
    pull: (again) => pulls.push(again),
    redraw,
  };

  function pulled() {
    for (const pull of pulls) pull();
    changed();
  }

  /** Draw everything again; the focus goes to the first of this name, or to a button's: `models[0]:up`. */
  function redraw(name) {
    render();
    changed();
    const to = handles.get(name) ?? places.get([...places.keys()].find((key) => key.startsWith(name)))?.control;
    if (to) requestAnimationFrame(() => to.focus({ preventScroll: false }));
  }

  function render() {
    places.clear();
    handles.clear();
    inside.broken.clear();
    pulls = [];
    fill(element, sections.map(section));
  }

  function section(one) {
    const digest = h("span", { class: "digest" });
    const say = () => (digest.textContent = guarded(() => one.digest(kept)));
    say();
    pulls.push(say);
    const details = h(
      "details",
      { class: "card section", open: open.has(one.id), on: { toggle: () => (details.open ? open.add(one.id) : open.delete(one.id)) } },
      h("summary", {}, h("h3", {}, one.title), digest),
      one.help && h("p", { class: "quietly" }, one.help),
      h("div", { class: "fields" }, children(one.fields, [], 0)),
    );
    return details;
  }

  const children = (fields, path, firm) =>
    Object.entries(typeof fields === "function" ? fields(kept, inside.read(path), path) : fields)
      .filter(([, node]) => !node.when || node.when(kept, inside.read(path) ?? {}))
      .map(([name, node]) => draw(node, node.own ? path : [...path, name], firm));

  function draw(node, path, firm) {
    const kinds = { group, list, map, variants };
    return kinds[node.kind] ? kinds[node.kind](node, path, firm) : leaf(node, path, firm, inside);
  }

  /** An object: one that is always there, or one that a box turns on. */
  function group(node, path, firm) {
    const value = inside.read(path);
    const name = written(path);
    if (node.folded) return folded(node, path, firm);
    if (!node.optional) {
      if (!node.label) return children(node.fields, path, firm);
      return part(node, path, h("h4", {}, node.label), node.help && h("p", { class: "help" }, node.help), h("div", { class: "fields" }, children(node.fields, path, firm)));
    }
    const on = value !== undefined && value !== null;
    const box = field({ name, label: node.label, type: "checkbox", value: on, help: node.help });
    box.control.addEventListener("change", () => {
      if (!box.control.checked) aside.set(name, inside.read(path));
      put(kept, path, box.control.checked ? aside.get(name) ?? node.make(kept) : undefined, firm);
      redraw(name);
    });
    places.set(name, box);
    const inner = on && (isObject(value) ? h("div", { class: "fields" }, children(node.fields, path, path.length)) : elsewhere());
    return h("div", { class: "part all", role: "group", "aria-label": node.label }, box.element, inner);
  }

  /** An object whose fields are behind a line that says what they say. */
  function folded(node, path, firm) {
    const key = `${written(path)}:${node.folded}`;
    const digest = h("span", { class: "digest" });
    const say = () => (digest.textContent = guarded(() => node.digest(inside.read(path), kept)));
    say();
    pulls.push(say);
    const toggled = { toggle: () => (details.open ? open.add(key) : open.delete(key)) };
    const details = h("details", { class: "all folded", open: open.has(key), on: toggled }, h("summary", {}, node.folded, digest), node.help && h("p", { class: "help" }, node.help), h("div", { class: "fields" }, children(node.fields, path, firm)));
    return details;
  }

  function list(node, path, firm) {
    const name = written(path);
    const items = inside.read(path) ?? [];
    const add = handle(`${name}:add`, h("button", { type: "button", class: "quiet small" }, node.add));
    add.addEventListener("click", () => {
      put(kept, path, [...items, node.make(kept)], firm);
      redraw(`${name}[${items.length}]`);
    });
    const drawn = Array.isArray(items) ? items.map((item, index) => h("div", { class: "item", role: "group", "aria-label": `${node.one} ${index + 1}` }, head(node, path, items, index, firm), h("div", { class: "fields" }, draw(node.item, [...path, index], path.length + 1)))) : elsewhere();
    const empty = !items.length && node.empty && h("p", { class: "quietly" }, node.empty);
    return part(node, path, node.label && h("h4", {}, node.label), node.help && h("p", { class: "help" }, node.help), empty, drawn, h("div", { class: "actions" }, add));
  }

  /** Above an item of a list: what it is, and the buttons that move it and take it out. */
  function head(node, path, items, index, firm) {
    const name = written(path);
    const title = h("span", { class: "title" });
    const say = () => (title.textContent = guarded(() => node.title(inside.read([...path, index]), index, kept)) || `${node.one} ${index + 1}`);
    say();
    pulls.push(say);
    const button = (what, label, text, done, off = false) => {
      const one = handle(`${name}[${index}]:${what}`, h("button", { type: "button", class: "quiet small", "aria-label": `${label} ${node.one} ${index + 1}`, disabled: off }, text));
      one.addEventListener("click", done);
      return one;
    };
    const move = (to, what) => () => {
      items.splice(to, 0, ...items.splice(index, 1));
      const end = to === 0 || to === items.length - 1;
      redraw(`${name}[${to}]:${end ? { up: "down", down: "up" }[what] : what}`);
    };
    const remove = () => {
      items.splice(index, 1);
      if (!items.length && !node.required) put(kept, path, undefined, firm);
      redraw(`${name}:add`);
    };
    const moves = items.length > 1 && node.ordered !== false && [button("up", "Move up", "↑", move(index - 1, "up"), index === 0), button("down", "Move down", "↓", move(index + 1, "down"), index === items.length - 1)];
    return h("div", { class: "head" }, title, moves, !(node.required && items.length === 1) && button("out", "Remove", "Remove", remove));
  }

  /** An object by names that its owner chooses. */
  function map(node, path, firm) {
    const name = written(path);
    const value = inside.read(path) ?? {};
    const add = handle(`${name}:add`, h("button", { type: "button", class: "quiet small" }, node.add));
    add.addEventListener("click", () => {
      const [own, made] = node.make(kept);
      put(kept, [...path, own], made);
      redraw(`${name}.${own}:name`);
    });
    const drawn = isObject(value) ? Object.keys(value).map((own) => h("div", { class: "item", role: "group", "aria-label": `${node.one} ${own}` }, h("div", { class: "fields" }, named(node, path, own, firm), draw(node.item, [...path, own], path.length + 1)))) : elsewhere();
    const empty = isObject(value) && !Object.keys(value).length && h("p", { class: "quietly" }, node.empty);
    return part(node, path, empty, drawn, h("div", { class: "actions" }, add));
  }

  function named(node, path, own, firm) {
    const one = field({ name: `${written([...path, own])}:name`, label: node.naming, value: own, autocomplete: "off", spellcheck: "false", help: node.help });
    handle(`${written([...path, own])}:name`, one.control);
    places.set(written([...path, own]), one);
    const remove = h("button", { type: "button", class: "quiet small", "aria-label": `Remove ${node.one} ${own}` }, "Remove");
    remove.addEventListener("click", () => {
      put(kept, [...path, own], undefined, firm);
      redraw(`${written(path)}:add`);
    });
    one.control.addEventListener("change", () => {
      const to = one.control.value.trim();
      const value = inside.read(path);
      if (to === own) return;
      if (!to || Object.hasOwn(value, to)) return one.refuse(to ? "This name is taken." : "A name is needed.");
      put(kept, path, Object.fromEntries(Object.entries(value).map(([key, about]) => [key === own ? to : key, about])));
      node.renamed?.(kept, own, to);
      redraw(`${written([...path, to])}:name`);
    });
    return [one.element, h("div", { class: "end" }, remove)];
  }

  /** An object that is of one of a few forms. */
  function variants(node, path, firm) {
    const value = inside.read(path);
    if (!isObject(value)) return elsewhere();
    const now = node.of(value);
    const one = field({ name: inside.name(node, path), label: node.label, type: "select", value: now, options: node.options, help: node.helps?.[now] });
    one.control.addEventListener("change", () => {
      const key = `${written(path)}:${now}`;
      aside.set(key, value);
      const to = one.control.value;
      put(kept, path, aside.get(`${written(path)}:${to}`) ?? node.make[to](value, kept));
      redraw(inside.name(node, path));
    });
    inside.place(node, path, one);
    return [one.element, ...children(node.fields[now] ?? {}, path, firm)].flat();
  }

  /** A part of the form that an error may name as a whole. */
  function part(node, path, ...content) {
    const error = h("p", { class: "error", id: fresh("error"), hidden: true });
    const made = h("div", { class: "all", tabindex: "-1" }, content, error);
    const refuse = (text) => {
      error.hidden = !text;
      error.textContent = text;
    };
    places.set(written(path), { control: made, refuse });
    return made;
  }

  const elsewhere = () => h("p", { class: "note warn" }, "It is written in the JSON in a form that this form does not know.");

  function handle(name, control) {
    handles.set(name, control);
    return control;
  }

  return {
    element,
    set(document) {
      kept = document;
      render();
    },
    broken: () => [...inside.broken][0],
    clear: () => places.forEach((one) => one.refuse("")),
    /** Show an error at the field that it names, or at what holds that. Gives whether there is one. */
    refuse(param, message) {
      let name = param;
      while (name && !places.has(name)) name = above(name);
      if (!name) return false;
      const one = places.get(name);
      one.refuse(message);
      for (let around = one.control.closest("details"); around; around = around.parentElement.closest("details")) around.open = true;
      one.control.focus();
      one.control.scrollIntoView?.({ block: "center" });
      return true;
    },
  };
}

/** What a schema says of a value that may be of any form. */
function guarded(say) {
  try {
    return say() ?? "";
  } catch {
    return "";
  }
}
