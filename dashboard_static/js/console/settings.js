// A project's document: as forms, and as JSON beside them. Either follows the other; both are saved as the next version.

import { copy } from "../kit/copy.js";
import { fresh, h, put } from "../kit/dom.js";
import { when } from "../kit/show.js";
import { during, toast, words } from "../kit/states.js";
import { action } from "./lists.js";
import { lineOf } from "./paths.js";

const CONFLICT = 409;
const text = (document) => JSON.stringify(document, null, 2);
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

export async function show(panel, project) {
  const [{ engine }, { sections }] = await Promise.all([import("./engine.js"), import("./schema.js")]);
  let [base, draft, sound] = [project.shown, structuredClone(project.shown.document), true];

  const forms = engine(sections, () => {
    json.value = text(draft);
    sound = true;
    put(jsonProblem).hidden = true;
    state();
  });
  const jsonId = fresh("json");
  const jsonProblem = h("div", { class: "note bad", id: fresh("problem"), role: "alert", hidden: true });
  const json = h("textarea", { id: jsonId, class: "json document", spellcheck: "false", autocomplete: "off", "aria-describedby": jsonProblem.id, on: { input: written } });
  const save = h("button", { type: "button" }, "Save");
  const discard = h("button", { type: "button", class: "quiet" }, "Discard");
  const said = h("p", { role: "status", class: "said" });
  const conflict = h("div", { class: "note warn", role: "alert", hidden: true });
  save.addEventListener("click", () => during(save, store, { quietly: true }).catch(() => null));
  discard.addEventListener("click", () => begin(project.shown));

  put(
    panel,
    h("h2", { class: "unseen" }, "Settings"),
    h("div", { class: "saving" }, said, h("div", { class: "actions" }, discard, save)),
    conflict,
    h(
      "div",
      { class: "settings" },
      h("div", {}, forms.element),
      h("aside", { class: "beside", "aria-label": "The document as JSON" }, h("div", { class: "bar" }, h("label", { for: jsonId }, "The document, as JSON"), h("button", { type: "button", class: "copy quiet", "aria-label": "Copy the document", on: { click: () => copy(json.value) } }, "Copy")), jsonProblem, json),
    ),
  );
  begin(base);

  /** Begin anew from what is stored. */
  function begin(shown) {
    [base, draft, sound] = [shown, structuredClone(shown.document), true];
    forms.set(draft);
    json.value = text(draft);
    put(jsonProblem).hidden = true;
    put(conflict).hidden = true;
    state();
  }

  function changed() {
    return !sound || !same(draft, base.document);
  }

  function state() {
    const differs = changed();
    put(said, differs ? h("strong", {}, "Changes that are not saved") : [`Version ${base.version}, saved `, when(base.changed)]);
    save.disabled = !differs;
    discard.disabled = !differs;
    project.desk.guard = differs ? () => confirm("There are changes that are not saved. Leave them?") : null;
  }

  /** Somebody types in the JSON: the forms follow as soon as it is whole. */
  function written() {
    try {
      const value = JSON.parse(json.value);
      if (value === null || typeof value !== "object" || Array.isArray(value)) throw new Error("it must be an object");
      sound = true;
      put(jsonProblem).hidden = true;
      draft = value;
      forms.set(draft);
    } catch (error) {
      sound = false;
      put(jsonProblem, `This is no JSON: ${error.message}`).hidden = false;
    }
    state();
  }

  async function store() {
    forms.clear();
    put(jsonProblem).hidden = true;
    const broken = forms.broken();
    if (broken) return broken.control.focus();
    if (!sound) {
      written();
      return json.focus();
    }
    try {
      const stored = await project.ask("PUT", "", { body: { version: base.version, document: draft } });
      begin(stored);
      project.changed(stored, "settings");
      toast(`Saved as version ${stored.version}. It is live within seconds.`);
    } catch (problem) {
      if (problem.status === CONFLICT) await elsewhere();
      else refused(problem);
    }
    return undefined;
  }

  /** What is wrong, at the field that the API names, and beside the JSON with its line. */
  function refused(problem) {
    const param = problem.param ?? "";
    json.value = text(draft);
    const line = param && lineOf(draft, param);
    const to = line > 1 && h("button", { type: "button", class: "link", on: { click: () => showLine(line) } }, `Line ${line}`);
    put(jsonProblem, h("p", {}, to, to && " – ", words(problem))).hidden = false;
    const own = problem.message.startsWith(param) ? problem.message.slice(param.length).replace(/^[\s:]+/, "") : problem.message;
    if (!param || !forms.refuse(param, own.charAt(0).toUpperCase() + own.slice(1))) json.focus();
  }

  function showLine(line) {
    const lines = json.value.split("\n");
    const from = lines.slice(0, line - 1).join("\n").length + 1;
    json.focus();
    json.setSelectionRange(from, from + lines[line - 1].length);
    json.scrollTop = (json.scrollHeight / lines.length) * (line - 4);
  }

  /** Somebody else was quicker: what they changed, and whose version goes on. */
  async function elsewhere() {
    const theirs = await project.renew("settings");
    const names = [...new Set([...Object.keys(theirs.document), ...Object.keys(base.document)])];
    const differ = names.filter((name) => !same(theirs.document[name], base.document[name]));
    const mine = action("Keep mine", async () => {
      base = theirs;
      put(conflict).hidden = true;
      state();
      toast("Yours replaces theirs when you save.");
    });
    put(
      conflict,
      h("p", {}, h("strong", {}, `Somebody else changed this project: it is version ${theirs.version} now, and yours began at ${base.version}.`), " Nothing of yours is saved yet. ", differ.length ? `Theirs differs in ${differ.join(", ")}.` : "Theirs says the same as before."),
      h("div", { class: "actions" }, action("Take theirs", async () => begin(theirs)), mine),
    ).hidden = false;
    conflict.scrollIntoView({ block: "center" });
  }
}
