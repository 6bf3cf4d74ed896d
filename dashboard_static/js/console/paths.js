// Places in a document: as lists of names and numbers here, as the API writes them in an error's `param`.

export const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** `auth.jwt.issuers[0].domain` */
export const written = (path) => path.reduce((text, part) => (typeof part === "number" ? `${text}[${part}]` : text ? `${text}.${part}` : String(part)), "");

/** The path of what holds this one; "" at the end. */
export const above = (text) => text.replace(/(^|\.)[^.[\]]*$|\[\d+\]$/, "");

export const valueAt = (document, path) => path.reduce((value, part) => (value === null || typeof value !== "object" ? undefined : value[part]), document);

/**
 * Put a value in its place, or take it out with undefined. Objects on the way are made; those that are empty afterwards go too,
 * down to the first `firm` parts of the path.
 */
export function put(document, path, value, firm = path.length) {
  const chain = [document];
  for (const part of path.slice(0, -1)) {
    const holder = chain.at(-1);
    if (holder[part] === null || typeof holder[part] !== "object") {
      if (value === undefined) return;
      holder[part] = {};
    }
    chain.push(holder[part]);
  }
  const last = path.at(-1);
  if (value !== undefined) chain.at(-1)[last] = value;
  else if (Array.isArray(chain.at(-1))) chain.at(-1).splice(last, 1);
  else delete chain.at(-1)[last];
  if (value !== undefined) return;
  for (let depth = path.length - 1; depth > firm; depth--) {
    if (!isObject(chain[depth]) || Object.keys(chain[depth]).length) break;
    delete chain[depth - 1][path[depth - 1]];
  }
}

/** In which line of the indented JSON a place begins, from 1; of one that is not there, the line of what would hold it. */
export function lineOf(document, param) {
  let [line, found, longest] = [1, 1, -1];
  const walk = (value, path) => {
    const text = written(path);
    if ((param === text || (param.startsWith(text) && /^[.[]/.test(param.slice(text.length)))) && text.length > longest) [found, longest] = [line, text.length];
    if (value === null || typeof value !== "object" || !Object.keys(value).length) return;
    for (const [name, inner] of Object.entries(value)) {
      line += 1;
      walk(inner, [...path, Array.isArray(value) ? Number(name) : name]);
    }
    line += 1;
  };
  walk(document, []);
  return found;
}
