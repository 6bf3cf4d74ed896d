// The owner's pages: a mailed link signs in, for this tab; then projects, and one project.

import { ask } from "../kit/ask.js";
import { $, h, put } from "../kit/dom.js";
import { forget, fromFragment, keep, kept } from "../kit/session.js";
import { busy, failed } from "../kit/states.js";

const [view, trail, title, about, leave] = ["#view", "#trail", "#title", "#about", "#leave"].map((name) => $(name));
let here = "";
const TOKEN = /^[A-Za-z0-9_-]{43}$/;

/** What each view is given: the API as the owner, the page's head, and the ways to other views. */
const desk = {
  async ask(method, path, more = {}) {
    try {
      return await ask(method, `/console${path}`, { key: kept("session"), ...more });
    } catch (problem) {
      if (problem.status === 401 && kept("session")) ended("Your session has ended. Sign in again.");
      throw problem;
    }
  },
  /** The page's heading, what stands beside it, and the way back. */
  head(text, { back = false, beside = [] } = {}) {
    title.textContent = text;
    document.title = `${text} · Farebox`;
    put(about, beside);
    put(trail, back ? link("Projects", "") : []);
  },
  link,
  go,
  guard: null,
};

/** A link within this page; `id` is a project's, or nothing for the list. */
function link(text, id) {
  const click = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    go(id);
  };
  return h("a", { href: id ? `?project=${encodeURIComponent(id)}` : "console.html", on: { click } }, text);
}

function go(id) {
  if (desk.guard && !desk.guard()) return;
  history.pushState(null, "", id ? `?project=${encodeURIComponent(id)}` : location.pathname);
  enter();
  $("#main").focus({ preventScroll: true });
  scrollTo(0, 0);
}

/** Show what the address names. */
async function enter() {
  desk.guard = null;
  here = location.pathname + location.search;
  const session = kept("session");
  leave.hidden = !session;
  if (!session) return signIn();
  const id = new URLSearchParams(location.search).get("project");
  desk.head(id ? "Project" : "Projects", { back: Boolean(id) });
  busy(view, id ? "Reading the project…" : "Reading your projects…");
  try {
    const module = id ? await import("./project.js") : await import("./projects.js");
    await module.show(view, desk, id);
    view.removeAttribute("aria-busy");
  } catch (problem) {
    if (problem.name !== "AbortError" && kept("session")) failed(view, problem, enter);
  }
}

async function signIn(said = "", token = "") {
  leave.hidden = true;
  desk.head("Console");
  busy(view, "One moment…");
  try {
    const { show } = await import("./sign.js");
    view.removeAttribute("aria-busy");
    show(view, { said, token, entered });
  } catch (problem) {
    failed(view, problem, () => signIn(said, token));
  }
}

function entered(session) {
  keep("session", session);
  enter();
}

function ended(said) {
  desk.guard = null;
  forget("session");
  signIn(said);
}

leave.addEventListener("click", async () => {
  if (desk.guard && !desk.guard()) return;
  const session = kept("session");
  ended("You are signed out.");
  await ask("DELETE", "/console/sessions", { key: session }).catch(() => null);
});

/** A mailed link's token: taken out of the address, and exchanged when its reader says so. */
function arrived() {
  const token = fromFragment().get("") ?? "";
  if (!token) return false;
  signIn(TOKEN.test(token) ? "" : "This link is not whole. Open the mail’s link again.", TOKEN.test(token) ? token : "");
  return true;
}

addEventListener("hashchange", () => location.hash.length > 1 && arrived());
addEventListener("beforeunload", (event) => desk.guard && event.preventDefault());
addEventListener("popstate", () => {
  if (location.hash) return;
  if (desk.guard && !desk.guard()) history.pushState(null, "", here);
  else enter();
});
if (!arrived()) enter();
