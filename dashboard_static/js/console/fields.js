// Short names for what a schema is made of; engine.js and leaves.js say what each kind is.

export const NEED = { required: true };

const kind = (kind) => (label, help = "", more = {}) => ({ kind, label, help, ...more });

export const [text, number, credits, yes, lines, area, json] = ["text", "number", "credits", "yes", "lines", "area", "json"].map(kind);
export const choice = (label, help, options, more = {}) => ({ kind: "choice", label, help, options, ...more });
export const checks = (label, help, options) => ({ kind: "checks", label, help, options });
export const group = (fields, more = {}) => ({ kind: "group", fields, ...more });
/** An object that a box turns on, and what it says then. */
export const toggled = (label, make, fields, help = "") => ({ kind: "group", optional: true, label, help, make, fields });
/** An object behind a line that says what is in it. */
export const folded = (folded, digest, fields, more = {}) => ({ kind: "group", folded, digest, fields, ...more });
export const list = (one, add, make, item, more = {}) => ({ kind: "list", one, add, make, item, ...more });
export const empty = () => ({});
