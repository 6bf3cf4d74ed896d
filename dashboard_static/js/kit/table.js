// Tables: they scroll sideways on a phone, within a region that the keyboard reaches.

import { fresh, h } from "./dom.js";

/**
 * A table. `columns`: {title, cell(row) → text or element, number: right-aligned, wide: may wrap}. `empty` is said where there is no row.
 */
export function table({ caption, columns, rows, empty = "Nothing yet.", hidden = true }) {
  const id = fresh("table");
  const body = h("tbody");
  const region = h(
    "div",
    { class: "scroll", role: "region", "aria-labelledby": id, tabindex: "0" },
    h(
      "table",
      {},
      h("caption", { id, class: hidden ? "unseen" : null }, caption),
      h("thead", {}, h("tr", {}, columns.map((column) => h("th", { scope: "col", class: kind(column) }, column.title)))),
      body,
    ),
  );
  region.add = (more) => {
    if (more.length) body.querySelector(".empty")?.remove();
    body.append(...more.map((row) => line(columns, row)));
  };
  if (rows.length) region.add(rows);
  else body.append(h("tr", { class: "empty" }, h("td", { colspan: columns.length }, empty)));
  return region;
}

const kind = (column) => [column.number && "n", column.wide && "wide"].filter(Boolean).join(" ") || null;

function line(columns, row) {
  return h(
    "tr",
    {},
    columns.map((column, index) => h(index || column.number ? "td" : "th", { scope: index || column.number ? null : "row", class: kind(column) }, column.cell(row))),
  );
}
