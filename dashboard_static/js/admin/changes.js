// Who changed what, when and why.

import { ask } from "../kit/ask.js";
import { h, put } from "../kit/dom.js";
import { when } from "../kit/show.js";
import { during, shown } from "../kit/states.js";
import { table } from "../kit/table.js";

export function show(panel, key) {
  const [list, more] = [h("div"), h("div", { class: "actions" })];
  put(panel, h("h2", {}, "Changes"), list, more);
  let rows;
  shown(
    list,
    () => ask("GET", "/admin/actions", { key }),
    (page) => {
      rows = changesTable(page.data);
      onwards(page.next);
      return rows;
    },
  );

  function onwards(next) {
    put(more);
    if (!next) return;
    const button = h("button", { type: "button", class: "quiet" }, "Older changes");
    button.addEventListener("click", () =>
      during(button, async () => {
        const page = await ask("GET", "/admin/actions", { key, query: { after: next } });
        rows.add(page.data);
        onwards(page.next);
      }),
    );
    put(more, button);
  }
}

const changesTable = (rows) =>
  table({
    caption: "Changes, the newest first",
    columns: [
      { title: "When", cell: (action) => when(action.at) },
      { title: "By", cell: (action) => action.by },
      { title: "What", cell: (action) => action.what },
      { title: "About", cell: (action) => action.about },
      { title: "Why", wide: true, cell: (action) => action.why || "–" },
      { title: "Outcome", cell: (action) => h("span", { class: action.outcome === "done" ? "tag good" : "tag" }, action.outcome || "begun") },
    ],
    rows,
    empty: "Nothing was changed yet.",
  });
