// What is kept for this tab and no longer, and what an address brought: it is taken out of the address at once.

export const keep = (name, value) => guarded(() => sessionStorage.setItem(`farebox-${name}`, value));
export const kept = (name) => guarded(() => sessionStorage.getItem(`farebox-${name}`)) ?? "";
export const forget = (name) => guarded(() => sessionStorage.removeItem(`farebox-${name}`));

/** What stands behind # in the address, as a Map: `#key=sk-…`; what has no name stands under "". A place of the page is none. */
export function fromFragment() {
  const text = location.hash.slice(1);
  if (!text || document.getElementById(text)) return new Map();
  history.replaceState(null, "", location.pathname + location.search);
  return text.includes("=") ? new Map(new URLSearchParams(text)) : new Map([["", decode(text)]]);
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A browser may forbid storage: then a key is asked for on each page. */
function guarded(use) {
  try {
    return use();
  } catch {
    return null;
  }
}
