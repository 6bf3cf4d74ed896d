// Whose a project is, and its end.

import { h, put } from "../kit/dom.js";
import { form } from "../kit/form.js";
import { toast } from "../kit/states.js";
import { action, asking, card, quiet, sure } from "./lists.js";

export function show(panel, project) {
  const { owners, name } = project.shown;
  const people = form({
    fields: [{ name: "emails", label: "E-mail addresses, one a line", type: "textarea", rows: Math.max(3, owners.length + 1), value: owners.join("\n"), required: true, help: "All of them may do everything here. Who saves stands first: it counts as theirs." }],
    submit: "Save the owners",
    async onsubmit({ emails }) {
      const list = emails.split("\n").map((line) => line.trim()).filter(Boolean);
      try {
        project.changed(await project.ask("PUT", "/owners", { body: { emails: list } }), "owners");
      } catch (problem) {
        if (problem.param?.startsWith("emails")) problem.param = "emails";
        throw problem;
      }
      toast("Saved.");
      show(panel, project);
    },
  });
  const leave = sure("Leave this project", {
    title: "Leave this project?",
    about: "You see it no more, until another owner takes you in again.",
    submit: "Leave",
    work: () => project.ask("DELETE", "/owners/me"),
    said: "You have left it.",
    after: () => project.desk.go(""),
    small: false,
    kind: "quiet",
  });
  const close = action(
    "Close this project",
    async () => {
      const gone = await asking(
        {
          title: "Close this project?",
          content: h("p", {}, `Its keys end within seconds, for good; nobody can use or buy anything. What its users used stays in the books. Write the project’s name, ${name}, to close it.`),
          fields: [{ name: "name", label: "Name of the project", required: true, autocomplete: "off" }],
          submit: "Close it for good",
          danger: true,
          onsubmit(values) {
            if (values.name !== name.trim()) throw Object.assign(new Error("This is not its name."), { param: "name" });
            return project.ask("DELETE", "");
          },
        },
        "The project is closed.",
      );
      if (!gone) return;
      project.desk.guard = null;
      project.desk.go("");
    },
    { kind: "danger" },
  );
  put(
    panel,
    card(
    h("h2", {}, "Owners"), people),
    card(h("h3", {}, "Leave"), quiet("Who stands first cannot leave: another owner saves the list first, and takes it over."), leave),
    h("section", { class: "card peril" }, h("h3", {}, "Close"), quiet("The end of the project and of its keys. Nothing brings it back."), close),
  );
}
