// An owner's projects: a line each, new ones, and those of a file.

import { h, put } from "../kit/dom.js";
import { form } from "../kit/form.js";
import { ago, when } from "../kit/show.js";
import { during, nothing, toast } from "../kit/states.js";
import { card, col, listing, num, quiet, showing, tag, wide } from "./lists.js";

export async function show(view, desk) {
  desk.head("Projects");
  const page = await desk.ask("GET", "/projects");
  const list = h("div");
  put(view, list, page.has_more && h("p", { class: "note" }, "These are the first hundred."), h("div", { class: "grid two" }, making(desk), bringing(desk)));
  if (!page.data.length) return nothing(list, "You have no project yet. A project is one app: its users, its prices, its limits, and who answers.");
  put(
    list,
    listing("Your projects", page.data.toSorted((one, other) => (one.changed < other.changed ? 1 : -1)), "", [
      wide("Name", (project) => desk.link(project.name || project.id, project.id)),
      col("Mode", (project) => tag(project.mode)),
      num("Version", (project) => project.version),
      col("Changed", (project) => ago(project.changed)),
      col("Made", (project) => when(project.created)),
      col("Id", (project) => h("code", {}, project.id)),
    ]),
  );
}

const making = (desk) =>
  card(
    h("h2", {}, "A new project"),
    quiet("It begins in managed mode: anybody may come in, a little, and nothing is served until you say what."),
    form({
      fields: [{ name: "name", label: "Name", required: true, maxlength: 100, autocomplete: "off" }],
      submit: "New project",
      async onsubmit({ name }) {
        desk.go((await desk.ask("POST", "/projects", { body: { name } })).id);
      },
    }),
  );

function bringing(desk) {
  const file = h("input", { type: "file", accept: ".json,application/json", hidden: true, "aria-label": "A project’s file" });
  const button = h("button", { type: "button", class: "quiet", on: { click: () => file.click() } }, "Import a file");
  file.addEventListener("change", () =>
    during(button, async () => {
      const [chosen] = file.files;
      file.value = "";
      if (!chosen) return;
      const made = await desk.ask("POST", "/projects/import", { body: await decoded(chosen) });
      if (made.needs_grant.length) await showing("Ask the operator", h("p", {}, `This project names providers of the operator’s: ${made.needs_grant.join(", ")}. Until they are granted to ${made.id}, what only they could answer is refused.`));
      toast("Imported. Its keys and secrets are still to be given.");
      desk.go(made.id);
    }),
  );
  return card(
    h("h2", {}, "From a file"),
    quiet("What “Export” of another project gave: its settings, without keys, secrets and users."),
    h("div", { class: "actions" }, button, file),
  );
}

async function decoded(file) {
  try {
    return JSON.parse(await file.text());
  } catch {
    throw new Error("This file is no JSON.");
  }
}
