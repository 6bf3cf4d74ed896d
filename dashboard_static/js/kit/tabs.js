// Tabs, as https://www.w3.org/WAI/ARIA/apg/patterns/tabs/ has them: arrow keys move, the one shown is kept for this browser tab.

import { fresh, h } from "./dom.js";
import { keep, kept } from "./session.js";

/** Tabs: `{id, title, show(panel)}` each; a panel is filled when it is first opened, and again whenever `again(id)` is called. */
export function tabs(name, entries, { label }) {
  const list = h("div", { role: "tablist", "aria-label": label, class: "tabs" });
  const panels = new Map();
  const buttons = new Map();
  for (const entry of entries) {
    const id = fresh(entry.id);
    const panel = h("section", { role: "tabpanel", id: `${id}-panel`, "aria-labelledby": id, tabindex: "0", hidden: true });
    const button = h("button", { type: "button", role: "tab", id, "aria-controls": panel.id, "aria-selected": "false", tabindex: "-1", on: { click: () => open(entry.id) } }, entry.title);
    panels.set(entry.id, panel);
    buttons.set(entry.id, button);
    list.append(button);
  }
  list.addEventListener("keydown", (event) => {
    const order = entries.map((entry) => entry.id);
    const at = order.findIndex((id) => buttons.get(id) === document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: order.length - 1 }[event.key];
    if (to === undefined || at < 0) return;
    event.preventDefault();
    const next = order.at(to % order.length);
    open(next);
    buttons.get(next).focus();
  });
  const filled = new Set();
  function open(id) {
    if (!panels.has(id)) id = entries[0].id;
    for (const [other, panel] of panels) {
      panel.hidden = other !== id;
      buttons.get(other).setAttribute("aria-selected", String(other === id));
      buttons.get(other).setAttribute("tabindex", other === id ? "0" : "-1");
    }
    keep(`tab-${name}`, id);
    buttons.get(id).scrollIntoView?.({ block: "nearest", inline: "nearest" });
    if (!filled.has(id)) again(id);
  }
  function again(id) {
    filled.add(id);
    entries.find((entry) => entry.id === id).show(panels.get(id));
  }
  open(kept(`tab-${name}`) || entries[0].id);
  return { element: h("div", { class: "tabbed" }, list, ...panels.values()), open, again, stale: (id) => filled.delete(id) };
}
