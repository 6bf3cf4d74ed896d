"""The page that a mailed link opens. Its token is in the fragment; only pressing the button sends it, in a body.

The page has no other origin's parts, and its policy allows none: the one script and style are named by their hashes.
"""

import base64
import hashlib

STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --quiet: #5c6670; --paper: #fbfbf9; --line: #d5d8d4; --go: #0b6e4f; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #eceee9; --quiet: #a3aaa5; --paper: #14181a; --line: #343b3d; --go: #5fd0a5; }
}
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; }
main { width: min(26rem, 100% - 3rem); padding: 2rem 0; }
h1 { font-size: 1.6rem; margin: 0 0 .5rem; }
p { color: var(--quiet); margin: 0 0 1.5rem; }
input, button { box-sizing: border-box; width: 100%; font: inherit; padding: .6rem .75rem; border-radius: .4rem; }
input { border: 1px solid var(--line); background: transparent; color: inherit; }
button { border: 0; background: var(--go); color: var(--paper); font-weight: 600; cursor: pointer; }
button:disabled { opacity: .5; cursor: default; }
[hidden] { display: none; }
:focus-visible { outline: 3px solid var(--go); outline-offset: 2px; }
"""

SCRIPT = """
const token = location.hash.slice(1);
history.replaceState(null, "", location.pathname);  // the token does not stay in the history
const told = document.getElementById("told"), go = document.getElementById("go");
const session = document.getElementById("session");
if (!token) {
  go.disabled = true;
  told.textContent = "This link has been used in this window, or is not whole. Open the mail's link again.";
}
go.addEventListener("click", async () => {
  go.disabled = true;
  try {
    const answer = await fetch("sessions", {
      method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify({token}),
      credentials: "omit", cache: "no-store",
    });
    const said = await answer.json();
    if (!answer.ok) { told.textContent = said.error.message; return; }
    told.textContent = "You are signed in. This is your session, until " + said.expires + "; keep it to yourself.";
    session.value = said.session;
    session.hidden = false;
    go.hidden = true;
  } catch {
    go.disabled = false;
    told.textContent = "There was no answer. Try again.";
  }
});
"""

PAGE = f"""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in · Farebox</title>
<style>{STYLE}</style>
</head>
<body><main>
<h1>Sign in</h1>
<p id="told" role="status">One more step: press the button. The link works once.</p>
<button id="go" type="button">Sign in</button>
<input id="session" aria-label="Your session" readonly hidden autocomplete="off">
<noscript><p>This page needs JavaScript.</p></noscript>
</main><script>{SCRIPT}</script></body>
</html>
"""


def _source(text: str) -> str:
    """A policy's name for an inline script or style: https://www.w3.org/TR/CSP3/#grammardef-hash-source"""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": f"default-src 'none'; script-src {_source(SCRIPT)}; style-src {_source(STYLE)}; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
}
