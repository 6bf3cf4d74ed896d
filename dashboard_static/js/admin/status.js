// What runs here, and whether it reaches its tables.

import { ask } from "../kit/ask.js";
import { h } from "../kit/dom.js";
import { shown } from "../kit/states.js";
import { table } from "../kit/table.js";

export const show = (panel, key) =>
  shown(
    panel,
    () => ask("GET", "/admin/status", { key }),
    (status) => [
      h("dl", { class: "facts" }, h("dt", {}, "Version"), h("dd", {}, status.version), h("dt", {}, "Stage"), h("dd", {}, status.stage || "this machine")),
      table({
        caption: "Tables",
        hidden: false,
        columns: [
          { title: "Table", cell: ([name]) => name },
          { title: "State", cell: ([, state]) => h("span", { class: state === "reachable" ? "tag good" : "tag bad" }, state) },
        ],
        rows: Object.entries(status.tables),
      }),
      h("h2", {}, "Settings that are given"),
      h("p", { class: "quietly" }, "Names, never values."),
      h("p", { class: "names" }, status.configured.map((name) => [h("code", {}, name), " "])),
    ],
  );
