// Whose account it is: the key of this tab, what was last heard of the account, and who wants to hear of it.

import { ask } from "../kit/ask.js";
import { forget, keep, kept } from "../kit/session.js";

const listeners = { change: [], gone: [] };
let known = null;

/** What was last heard: the answer to GET /account; null before. */
export const account = () => known;
export const onChange = (heard) => listeners.change.push(heard);
/** Called when the key is refused. */
export const onGone = (heard) => listeners.gone.push(heard);

/** Ask the API as the user who is signed in. */
export async function told(method, path, options = {}) {
  try {
    return await ask(method, path, { ...options, key: kept("key") });
  } catch (problem) {
    if (problem.status === 401) {
      leave();
      for (const heard of listeners.gone) heard();
    }
    throw problem;
  }
}

/** Try a key; it is kept for the tab where it opens an account. Throws Problem. */
export async function enter(key) {
  known = await ask("GET", "/account", { key });
  keep("key", key);
  changed();
}

/** Hear of the account anew. */
export async function refresh() {
  known = await told("GET", "/account");
  changed();
  return known;
}

export function leave() {
  known = null;
  forget("key");
}

function changed() {
  for (const heard of listeners.change) heard(known);
}
