// Which of the operator's providers a project may use.

import { ask } from "../kit/ask.js";
import { h, put } from "../kit/dom.js";
import { form } from "../kit/form.js";
import { shown, toast } from "../kit/states.js";

export function show(panel, key) {
  const found = h("div");
  const asked = form({
    fields: [{ name: "project", label: "Project", required: true, maxlength: 40, autocomplete: "off", help: "Its id, as its owner sees it in the console: 12 characters." }],
    submit: "Show",
    onsubmit: ({ project }) => open(project),
  });
  put(panel, h("section", { class: "card" }, h("h2", {}, "Providers of yours that a project may use"), h("p", { class: "quietly" }, "A project that names one of them is refused until it is granted here."), asked), found);

  const open = (project) =>
    shown(
      found,
      () => ask("GET", `/admin/projects/${encodeURIComponent(project)}`, { key }),
      (about) => granting(project, about),
    );

  function granting(project, about) {
    const grants = about.grants ?? [];
    return h(
      "section",
      { class: "card" },
      h("h2", {}, about.name || project),
      h("dl", { class: "facts" }, h("dt", {}, "Mode"), h("dd", {}, about.mode), h("dt", {}, "State"), h("dd", {}, about.state), h("dt", {}, "Owners"), h("dd", {}, about.owners.join(", "))),
      form({
        fields: [{ name: "providers", label: "Granted", value: grants.join(", "), help: "Names with commas between them; none takes all back.", autocomplete: "off" }],
        submit: "Save",
        async onsubmit({ providers }) {
          const names = providers.split(",").map((name) => name.trim()).filter(Boolean);
          await ask("PUT", `/admin/projects/${encodeURIComponent(project)}/grants`, { key, body: { providers: names } });
          toast("Saved.");
          await open(project);
        },
      }),
    );
  }
}
