// Elements made in code. Text goes in as text, whatever it says: nothing here reads HTML.

const PROPERTIES = new Set(["value", "checked", "disabled", "hidden", "readOnly", "required", "selected", "open", "multiple", "indeterminate"]);

/** An element. `props`: class, dataset, on: {click: f}, properties such as value, and attributes; null and false leave one out. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") element.className = value;
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name === "on") for (const [event, heard] of Object.entries(value)) element.addEventListener(event, heard);
    else if (PROPERTIES.has(name)) element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  add(element, children);
  return element;
}

/** Replace what is in an element, which waits for nothing then; gives the element. */
export function put(parent, ...children) {
  parent.removeAttribute("aria-busy");
  parent.replaceChildren();
  add(parent, children);
  return parent;
}

export const $ = (selector, within = document) => within.querySelector(selector);

/** An id that no other element has. */
export function fresh(prefix = "e") {
  fresh.count = (fresh.count ?? 0) + 1;
  return `${prefix}-${fresh.count}`;
}

/** A name for one press of a button, so that it counts once however often it is sent. */
export const once = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

function add(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
}
