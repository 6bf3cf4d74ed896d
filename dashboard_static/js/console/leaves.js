// The fields at the ends of a document: a text, a number, a choice, a list of lines. Each reads and writes its own place.

import { fresh, h } from "../kit/dom.js";
import { field } from "../kit/form.js";

const NUMBER = /^-?\d+(\.\d+)?$/;
const WHOLE = /^\d+$/;
const number = (text) => (NUMBER.test(text) ? Number(text) : text);
const isText = (value) => typeof value === "string";
const isNumber = (value) => typeof value === "number" || isText(value);
const typed = { inputmode: "decimal", autocomplete: "off" };

/** By kind: what stands in the control, what its text means, and which values it knows. */
const KINDS = {
  text: { read: (text) => text, fits: isText },
  number: { read: number, fits: isNumber, more: typed, wrong: (text) => !NUMBER.test(text) && "A number is needed." },
  credits: { read: (text) => (WHOLE.test(text) ? Number(text) : text), fits: isNumber, more: typed, wrong: (text) => !/^\d+(\.\d{1,6})?$/.test(text) && "A number is needed, with six decimals at most." },
  area: { type: "textarea", read: (text) => text, fits: isText },
  lines: { type: "textarea", shown: (value) => [value].flat().join("\n"), read: (text) => text.split("\n").map((line) => line.trim()).filter(Boolean), fits: (value) => [value].flat().every(isText) },
  json: { type: "textarea", shown: (value) => JSON.stringify(value, null, 2), read: JSON.parse, fits: () => true, more: { class: "json" } },
};

/** A field of the document. `inside` knows the document: read(path), write(path, value, firm), place(node, path, …), pull(f). */
export function leaf(node, path, firm, inside) {
  const kinds = { yes: truth, note: () => h("p", { class: "quietly all" }, node.text), choice, checks, matrix };
  return (kinds[node.kind] ?? plain)(node, path, firm, inside);
}

function plain(node, path, firm, inside) {
  const kind = KINDS[node.kind];
  const get = () => (node.get ? node.get(inside.read(path) ?? {}) : inside.read(path));
  const set = (value) => inside.write(path, node.set ? defined(node.set(inside.read(path) ?? {}, value)) : value, firm);
  const known = get() === undefined || kind.fits(get());
  const shown = () => (get() === undefined ? "" : kind.fits(get()) ? (kind.shown ?? String)(get()) : JSON.stringify(get()));
  const one = field({
    name: inside.name(node, path),
    label: node.label,
    type: kind.type ?? "text",
    value: shown(),
    help: known ? node.help : "It is written in the JSON in a form that this field does not know.",
    placeholder: node.placeholder,
    readOnly: !known,
    rows: node.rows ?? 6,
    spellcheck: "false",
    autocomplete: "off",
    ...kind.more,
  });
  if (node.wide || kind.type) one.element.classList.add("all");
  one.control.addEventListener("input", () => {
    const text = kind.type ? one.control.value : one.control.value.trim();
    inside.broken.delete(one);
    one.refuse((text && kind.wrong?.(text)) || "");
    try {
      set(text.trim() || node.required ? kind.read(text) : undefined);
    } catch (error) {
      inside.broken.add(one);
      one.refuse(`This is no JSON: ${error.message}`);
    }
  });
  inside.pull(() => document.activeElement !== one.control && !inside.broken.has(one) && (one.control.value = shown()));
  inside.place(node, path, one);
  return one.element;
}

/** Without the fields that are undefined. */
const defined = (value) => JSON.parse(JSON.stringify(value));

function truth(node, path, firm, inside) {
  const one = field({ name: inside.name(node, path), label: node.label, type: "checkbox", value: inside.read(path) === true, help: node.help });
  one.element.classList.add("all");
  one.control.addEventListener("change", () => inside.write(path, one.control.checked || undefined, firm));
  inside.pull(() => (one.control.checked = inside.read(path) === true));
  inside.place(node, path, one);
  return one.element;
}

/** A value of a few; `options` may hang on the document. What stands in the document and is none of them stays to be chosen. */
function choice(node, path, firm, inside) {
  const key = (value) => (value === undefined ? "" : JSON.stringify(value));
  const options = (typeof node.options === "function" ? node.options(inside.document()) : node.options).map(([value, text]) => [key(value), text]);
  const now = key(inside.read(path));
  if (!options.some(([value]) => value === now)) options.push([now, now ? `${inside.read(path)}` : "–"]);
  const one = field({ name: inside.name(node, path), label: node.label, type: "select", value: now, options, help: node.help });
  if (node.wide) one.element.classList.add("all");
  one.control.addEventListener("change", () => {
    const value = one.control.value ? JSON.parse(one.control.value) : undefined;
    if (node.chosen) node.chosen(inside.document(), value, inside);
    else inside.write(path, value, firm);
    if (node.redraws) inside.redraw(inside.name(node, path));
  });
  inside.pull(() => document.activeElement !== one.control && (one.control.value = key(inside.read(path))));
  inside.place(node, path, one);
  return one.element;
}

/** Some of a list of words, by boxes to tick. */
function checks(node, path, firm, inside) {
  const [id, errorId] = [fresh("checks"), fresh("error")];
  const now = () => [inside.read(path) ?? []].flat();
  const boxes = [...new Set([...node.options, ...now()])].map((word) => {
    const box = h("input", { type: "checkbox", id: fresh("check"), checked: now().includes(word) });
    box.addEventListener("change", () => {
      const chosen = boxes.filter((one) => one.box.checked).map((one) => one.word);
      inside.write(path, chosen.length ? chosen : undefined, firm);
    });
    return { word, box, element: h("span", { class: "check" }, box, h("label", { for: box.id }, h("code", {}, word))) };
  });
  inside.pull(() => boxes.forEach(({ word, box }) => (box.checked = now().includes(word))));
  const error = h("p", { class: "error", id: errorId, hidden: true });
  const element = h(
    "div",
    { class: "field all checks", role: "group", "aria-labelledby": id, "aria-describedby": errorId },
    h("p", { id, class: "label" }, node.label),
    node.help && h("p", { class: "help" }, node.help),
    h("div", { class: "boxes" }, boxes.map((one) => one.element)),
    error,
  );
  inside.place(node, path, { control: boxes[0].box, refuse: refusing(error, element) });
  return element;
}

/** Numbers in rows and columns: `rows` are [name, label, columns], `columns` [name, label]. */
function matrix(node, path, firm, inside) {
  const error = h("p", { class: "error", hidden: true });
  const id = fresh("matrix");
  const cell = (row, label, column, title) => {
    const own = [...path, row, column];
    const shown = () => inside.read(own) ?? "";
    const control = h("input", { type: "text", inputmode: "numeric", autocomplete: "off", "aria-label": `${label}, ${title}`, name: inside.name({}, own), placeholder: "∞", value: shown() });
    const refuse = refusing(error, control);
    control.addEventListener("input", () => {
      const text = control.value.trim();
      refuse(text && !WHOLE.test(text) ? "A whole number is needed." : "");
      inside.write(own, text === "" ? undefined : number(text), firm);
    });
    inside.pull(() => document.activeElement !== control && (control.value = shown()));
    inside.place({}, own, { control, refuse });
    return h("td", {}, control);
  };
  return h(
    "div",
    { class: "field all" },
    h("p", { id, class: "label" }, node.label),
    node.help && h("p", { class: "help" }, node.help),
    h(
      "div",
      { class: "scroll" },
      h(
        "table",
        { class: "matrix", "aria-labelledby": id },
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, h("span", { class: "unseen" }, "Of whom")), node.columns.map(([, title]) => h("th", { scope: "col" }, title)))),
        h(
          "tbody",
          {},
          node.rows.map(([row, label, own]) =>
            h("tr", {}, h("th", { scope: "row" }, label), node.columns.map(([column, title]) => (own.includes(column) ? cell(row, label, column, title) : h("td"))))),
        ),
      ),
    ),
    error,
  );
}

const refusing = (error, marked) => (text) => {
  error.hidden = !text;
  error.textContent = text;
  if (text) marked.setAttribute("aria-invalid", "true");
  else marked.removeAttribute("aria-invalid");
};
