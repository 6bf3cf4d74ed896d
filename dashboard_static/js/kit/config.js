// Where the API is: config.json, which each deployment writes beside the pages.

let found;

/** The API's address, without a slash at its end. */
export function api() {
  found ??= read().catch((error) => {
    found = undefined;
    throw error;
  });
  return found;
}

async function read() {
  const answer = await fetch("config.json", { cache: "no-cache", credentials: "omit" });
  if (!answer.ok) throw new Error(`config.json: ${answer.status}`);
  return (await answer.json()).api;
}
