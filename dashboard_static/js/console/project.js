// One project, in sections. Each is a module of its own, fetched when its tab is first opened.

import { h, put } from "../kit/dom.js";
import { busy, failed, toast } from "../kit/states.js";
import { tabs } from "../kit/tabs.js";
import { action, download, tag } from "./lists.js";

const SECTIONS = [
  ["overview", "Overview"],
  ["settings", "Settings"],
  ["keys", "Keys"],
  ["tokens", "Test tokens"],
  ["users", "Users"],
  ["abuse", "Abuse"],
  ["payments", "Payments"],
  ["told", "Webhooks"],
  ["owners", "Owners"],
  ["changes", "Changes"],
];

export async function show(view, desk, id) {
  const path = `/projects/${encodeURIComponent(id)}`;
  /** What each section is given. `shown` is the project as it was last read; `changed()` says that it is another one now. */
  const project = {
    id,
    desk,
    shown: await desk.ask("GET", path),
    freshKey: "",
    ask: (method, below, more) => desk.ask(method, path + below, more),
    async renew(by) {
      project.changed(await desk.ask("GET", path), by);
      return project.shown;
    },
    changed(shown, by = "") {
      const versioned = shown.version !== project.shown.version;
      project.shown = shown;
      head();
      const keeps = new Set([by, versioned && !desk.guard ? "" : "settings"]);
      for (const [section] of SECTIONS) if (!keeps.has(section)) sections?.stale(section);
    },
    /** Open another section; of users, one of them. */
    open(section, user = null) {
      project.user = user;
      sections.stale(section);
      sections.open(section);
    },
    user: null,
  };
  function head() {
    const { name, document, version } = project.shown;
    const file = action("Export", async () => download(`farebox-project-${id}.json`, await (await desk.ask("GET", `${path}/export`, { raw: true })).text()), { small: true });
    desk.head(name || id, { back: true, beside: [tag(document.mode), h("span", { class: "quietly" }, `version ${version}`), h("code", {}, id), file] });
  }
  const fill = (section) => async (panel) => {
    if (!panel.hasChildNodes()) busy(panel);
    try {
      await (await import(`./${section}.js`)).show(panel, project);
      panel.removeAttribute("aria-busy");
    } catch (problem) {
      if (problem.name !== "AbortError") failed(panel, problem, () => fill(section)(panel));
    }
  };
  head();
  let sections;
  sections = tabs(`project-${id}`, SECTIONS.map(([section, title]) => ({ id: section, title, show: fill(section) })), { label: "Sections of the project" });
  put(view, needs(project), sections.element);
}

/** What stands in the way of the project as a whole. */
function needs({ shown, id }) {
  if (!shown.needs_grant.length) return null;
  return h("p", { class: "note warn" }, `The operator has yet to grant ${shown.needs_grant.join(", ")} to this project (${id}): until then what only they could answer is refused.`);
}
