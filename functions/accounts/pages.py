"""The pages that the API answers with by itself: after a form, and where a link did not work. Plain HTML, no script."""

from html import escape

from functions.errors import FareboxError, Unauthenticated

HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark;
  --ink: #1c2024; --quiet: #5c6670; --paper: #fbfbf9; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --ink: #eceee9; --quiet: #a3aaa5; --paper: #14181a; }}
}}
body {{ margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; }}
main {{ width: min(26rem, 100% - 3rem); padding: 2rem 0; }}
h1 {{ font-size: 1.6rem; margin: 0 0 .5rem; }}
p {{ color: var(--quiet); margin: 0 0 1.5rem; }}
strong {{ color: var(--ink); overflow-wrap: anywhere; }}
</style>
</head>
<body><main>{content}</main></body>
</html>
"""

_SENT = """\
<h1>Look into your mailbox</h1>
<p>A mail with an API key is on its way to <strong>{email}</strong>. It can take a minute.</p>
"""

_PROBLEM = """\
<h1>{title}</h1>
<p>{message}</p>
"""

_TITLES = {
    400: "This link is not right",
    401: "This link’s key is not valid",
    402: "There are not enough credits",
    403: "This is not allowed",
    404: "There is nothing here",
    429: "Too many requests",
}
_NO_KEY = (
    "It may have been replaced by a newer one. Register with the same address to get a new key; your balance is kept."
)


def sent_page(email: str) -> str:
    """The page after the form was sent; the same for every address."""
    return _PAGE.format(title="Look into your mailbox · Farebox", content=_SENT.format(email=escape(email)))


def problem_page(error: FareboxError) -> str:
    """An error of ours, for a browser that came by a link."""
    title = _TITLES.get(error.status, "This does not work now")
    message = _NO_KEY if isinstance(error, Unauthenticated) else error.message
    content = _PROBLEM.format(title=title, message=escape(message))
    return _PAGE.format(title=f"{title} · Farebox", content=content)
