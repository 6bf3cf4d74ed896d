// Who changed what of a project, when, why, and how it ended.

import { h, put } from "../kit/dom.js";
import { when } from "../kit/show.js";
import { col, listing, paged, tag, wide, words } from "./lists.js";

export function show(panel, project) {
  const list = h("div");
  put(panel, h("h2", {}, "Changes"), list);
  return paged(list, {
    more: "Older changes",
    load: (after) => project.ask("GET", "/actions", { query: { after } }),
    show: (rows) =>
      listing("Changes, the newest first", rows, "Nothing was changed yet.", [
        col("When", (one) => when(one.at)),
        col("By", (one) => one.by),
        col("What", (one) => words(one.what)),
        col("About", (one) => one.about || "–"),
        wide("Why", (one) => one.why || "–"),
        col("Outcome", (one) => tag(words(one.outcome ?? "not known"), one.outcome === "done" ? "good" : "warn")),
      ]),
  });
}
