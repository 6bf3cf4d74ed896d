// Who is blocked, or about to be: users with offences counted against them.

import { h, put } from "../kit/dom.js";
import { paged, quiet } from "./lists.js";
import { usersTable } from "./users.js";

export function show(panel, project) {
  const { abuse } = project.shown.document;
  const list = h("div");
  put(
    panel,
    h("h2", {}, "Abuse"),
    quiet(abuse ? `${abuse.threshold} blocked requests in a ${abuse.window ?? "day"} block a user. Open one to look, block or unblock.` : "Nobody is blocked of itself: “Abuse” in the settings says when. Users whom you blocked stand here as well."),
    list,
  );
  return paged(list, {
    text: "Looking through the users…",
    more: "Look further",
    load: (after) => project.ask("GET", "/abuse", { query: { after } }),
    show: (rows) => usersTable(rows, (number) => project.open("users", number), "Nobody is blocked, and nothing is counted against anybody.", "Users blocked, or with offences"),
  });
}
