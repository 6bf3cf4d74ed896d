// What a place shows while it waits, when it has nothing, and when something went wrong.

import { $, h, put } from "./dom.js";

/** Loading: a quiet bar, and the words for those who hear the page. */
export function busy(element, text = "Loading…") {
  put(element, h("p", { class: "busy", role: "status" }, h("span", { class: "spin", "aria-hidden": "true" }), text));
  element.setAttribute("aria-busy", "true");
  return element;
}

/** What went wrong, and a way to try again. */
export function failed(element, problem, again = null) {
  return put(
    element,
    h(
      "div",
      { class: "note bad", role: "alert" },
      h("p", {}, words(problem)),
      again && h("button", { type: "button", class: "quiet", on: { click: again } }, "Try again"),
    ),
  );
}

/** Nothing is there yet: why, and what to do about it. */
export function nothing(element, text, ...more) {
  return put(element, h("div", { class: "nothing" }, h("p", {}, text), ...more));
}

/** What is there. */
export function ready(element, ...children) {
  return put(element, ...children);
}

/** Load and show: `load` gives what `show` makes elements of. Asked again by the reader where it fails. */
export async function shown(element, load, show, text) {
  busy(element, text);
  try {
    ready(element, ...[await load()].map(show).flat());
  } catch (problem) {
    if (problem.name === "AbortError") return;
    failed(element, problem, () => shown(element, load, show, text));
  }
}

/** A short message at the foot of the page, read out by screen readers. */
export function toast(text, kind = "") {
  let place = $("#toasts");
  if (!place) document.body.append((place = h("div", { id: "toasts", role: "status", "aria-live": "polite" })));
  const message = h("p", { class: `toast ${kind}` }, text);
  place.append(message);
  setTimeout(() => message.remove(), 6000);
}

/** While a promise of `work` runs, its button waits: pressed twice, it is done once. Tells what went wrong, unless `quietly`. */
export async function during(button, work, { quietly = false } = {}) {
  if (button.getAttribute("aria-disabled") === "true") return undefined;
  button.setAttribute("aria-disabled", "true");
  button.classList.add("waiting");
  try {
    return await work();
  } catch (problem) {
    if (quietly) throw problem;
    if (problem.name !== "AbortError") toast(words(problem), "bad");
    return undefined;
  } finally {
    button.removeAttribute("aria-disabled");
    button.classList.remove("waiting");
  }
}

/** A problem's own words; a fault of the page's own says no more than that. */
export function words(problem) {
  if (problem.name === "Error" || "status" in problem) {
    const wait = problem.status === 429 && problem.retryAfter ? ` Try again in ${problem.retryAfter} s.` : "";
    return problem.message + wait + (problem.status >= 500 && problem.requestId ? ` (${problem.requestId})` : "");
  }
  console.error(problem);
  return "This page failed. Load it again.";
}
