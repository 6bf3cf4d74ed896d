// Text to take along.

import { h } from "./dom.js";
import { toast } from "./states.js";

/** Put a text on the clipboard; where the browser refuses, it says so. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast("Copied.");
  } catch {
    toast("The browser does not let this page copy. Select the text instead.", "bad");
  }
}

const button = (text, label) =>
  h("button", { type: "button", class: "copy quiet", "aria-label": `Copy ${label}`, on: { click: () => copy(text) } }, "Copy");

/** A line of text with a button that copies it. */
export const copyable = (text, label = "this") => h("span", { class: "copyable" }, h("code", { tabindex: "0" }, text), button(text, label));

/** Lines of code with a button that copies them. */
export const code = (text, label = "this code") => h("div", { class: "code" }, button(text, label), h("pre", { tabindex: "0" }, h("code", {}, text)));

/** What is shown once and never again. */
export const secret = (text, label = "the key") =>
  h(
    "div",
    { class: "note once" },
    h("p", {}, `This is ${label}. It is shown now and never again: put it where you keep such things.`),
    copyable(text, label),
  );
