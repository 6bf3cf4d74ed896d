// Asking the API. Who asks is said by a key in a header, and by nothing else: no cookie, nothing in an address.

import { api } from "./config.js";

/** An answer that is no success; or none at all: then `status` is 0. */
export class Problem extends Error {
  constructor(status, { message, code = null, param = null } = {}, headers = null) {
    super(message ?? "There was no answer. Are you offline? Try again.");
    this.status = status;
    this.code = code;
    this.param = param;
    this.requestId = headers?.get("x-request-id") ?? null;
    this.retryAfter = Number(headers?.get("retry-after") ?? 0);
  }
}

/** The answer to a request, decoded; with `raw` the Response itself. Throws Problem; what `signal` ended throws AbortError. */
export async function ask(method, path, { key, body, query, headers = {}, signal, raw = false } = {}) {
  const answer = await send(method, path, { key, body, query, headers, signal });
  if (!answer.ok) throw await problem(answer);
  if (raw) return answer;
  if (method === "HEAD" || answer.status === 204) return null;
  try {
    return await answer.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(answer.status, { message: "The answer could not be read. Try again." }, answer.headers);
  }
}

/** Every item of a list that comes in pages: `data` and `next`. `limit` is where to stop. */
export async function* pages(path, { key, query = {}, signal } = {}) {
  let after;
  do {
    const page = await ask("GET", path, { key, query: { ...query, after }, signal });
    yield page;
    after = page.next;
  } while (after);
}

async function send(method, path, { key, body, query, headers, signal }) {
  const sent = { ...headers };
  if (key) sent.authorization = `Bearer ${key}`;
  if (body !== undefined) sent["content-type"] = "application/json";
  try {
    const address = (await api()) + path + search(query);
    return await fetch(address, {
      method,
      headers: sent,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "omit",
      cache: "no-store",
      redirect: "error",
      referrerPolicy: "no-referrer",
      signal,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0);
  }
}

function search(query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return given.length ? `?${new URLSearchParams(given)}` : "";
}

async function problem(answer) {
  let said = null;
  try {
    said = (await answer.json()).error;
  } catch {
    // not ours: a proxy's, or cut off
  }
  return new Problem(answer.status, said ?? { message: `The answer was ${answer.status}. Try again.` }, answer.headers);
}
