// A file made of an answer: the key goes in a header, so a plain link could not fetch it.

import { h } from "../kit/dom.js";

/** Let the browser save texts as one file. */
export function save(parts, name, type) {
  const address = URL.createObjectURL(new Blob(parts, { type }));
  const link = h("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
