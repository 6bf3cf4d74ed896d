// Forms: each field has a label, its help and its error; an error of the API's stands at the field that it names.

import { $, fresh, h, put } from "./dom.js";
import { during, words } from "./states.js";

/**
 * A form. `fields`: {name, label, type, value, help, required, options: [[value, text]], placeholder, min, max, step, pattern,
 * maxlength, autocomplete, rows, inputmode}; type is any of <input>'s, or "textarea", "select", "checkbox". `onsubmit` takes the values by
 * name, and may return a promise; what it throws is shown here. `submit` is the button's text.
 */
export function form({ fields, submit, onsubmit, danger = false, extra = [] }) {
  const problem = h("p", { class: "note bad", role: "alert", hidden: true });
  const button = h("button", { class: danger ? "danger" : null }, submit);
  const made = fields.map(field);
  const element = h("form", { novalidate: true, on: { submit: send } }, problem, made.map((one) => one.element), h("div", { class: "actions" }, button, extra));

  async function send(event) {
    event.preventDefault();
    clear();
    const wrong = made.find((one) => !one.control.checkValidity());
    if (wrong) {
      wrong.refuse(wrong.control.validationMessage);
      wrong.control.focus();
      return;
    }
    try {
      await during(button, () => onsubmit(values(), element), { quietly: true });
    } catch (error) {
      if (error.name !== "AbortError") told(error);
    }
  }
  function values() {
    return Object.fromEntries(made.map((one) => [one.name, one.value()]));
  }
  function clear() {
    problem.hidden = true;
    for (const one of made) one.refuse("");
  }
  function told(error) {
    const at = made.find((one) => one.name === error.param);
    if (at) {
      at.refuse(error.message);
      at.control.focus();
    } else {
      put(problem, words(error)).hidden = false;
    }
  }
  return Object.assign(element, { values, told, clear, control: (name) => made.find((one) => one.name === name).control });
}

/** One field, with its label: {name, element, control, value(), refuse(text)}. */
export function field({ name, label, type = "text", value = "", help = "", options = [], ...more }) {
  const id = fresh(name.replaceAll(/\W+/g, "-"));
  const [helpId, errorId] = [`${id}-help`, `${id}-error`];
  const error = h("p", { class: "error", id: errorId, hidden: true });
  const about = [help && helpId, errorId].filter(Boolean).join(" ");
  const control = made({ id, name, type, value, options, about, ...more });
  const text = h("label", { for: id }, label);
  const hint = help && h("p", { class: "help", id: helpId }, help);
  const parts = type === "checkbox" ? [h("div", { class: "check" }, control, text), hint, error] : [text, hint, control, error];
  return {
    name,
    control,
    element: h("div", { class: "field" }, parts),
    value: () => (type === "checkbox" ? control.checked : control.value.trim()),
    refuse(words) {
      error.hidden = !words;
      error.textContent = words;
      if (words) control.setAttribute("aria-invalid", "true");
      else control.removeAttribute("aria-invalid");
    },
  };
}

function made({ id, name, type, value, options, about, ...more }) {
  const shared = { id, name, "aria-describedby": about, ...more };
  if (type === "textarea") return h("textarea", { rows: 4, spellcheck: "false", ...shared, value });
  if (type === "checkbox") return h("input", { type, ...shared, checked: Boolean(value) });
  if (type === "select") {
    return h("select", shared, options.map(([key, text]) => h("option", { value: key, selected: String(key) === String(value) }, text)));
  }
  return h("input", { type, ...shared, value });
}

/**
 * A dialog with a form, or with `content` and a button. Closed by Escape and by "Cancel"; the focus goes back to where it was.
 * Resolves to what `onsubmit` gave, or to undefined.
 */
export function dialog({ title, content = [], fields = [], submit = "", danger = false, onsubmit = () => true, cancel = "Cancel" }) {
  const id = fresh("dialog");
  return new Promise((resolve) => {
    let result;
    const close = () => element.close();
    const away = h("button", { type: "button", class: "quiet", on: { click: close } }, cancel);
    const inner = submit
      ? form({
          fields,
          submit,
          danger,
          extra: [away],
          async onsubmit(values) {
            result = (await onsubmit(values)) ?? true;
            close();
          },
        })
      : h("div", { class: "actions" }, away);
    const element = h("dialog", { "aria-labelledby": id, on: { close: ended } }, h("h2", { id }, title), [content].flat(), inner);
    function ended() {
      element.remove();
      resolve(result);
    }
    document.body.append(element);
    element.showModal();
    $("input, select, textarea", element)?.focus();
  });
}
