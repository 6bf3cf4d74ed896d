"""The pages around registration and payment: plain HTML, no script."""

from html import escape

HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
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
  --ink: #1c2024; --quiet: #5c6670; --paper: #fbfbf9; --line: #d5d8d4; --go: #0b6e4f; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --ink: #eceee9; --quiet: #a3aaa5; --paper: #14181a; --line: #343b3d; --go: #5fd0a5; }}
}}
body {{ margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; }}
main {{ width: min(26rem, 100% - 3rem); padding: 2rem 0; }}
h1 {{ font-size: 1.6rem; margin: 0 0 .5rem; }}
p {{ color: var(--quiet); margin: 0 0 1.5rem; }}
strong {{ color: var(--ink); overflow-wrap: anywhere; }}
label {{ display: block; margin-bottom: .25rem; }}
input, button {{ box-sizing: border-box; width: 100%; font: inherit; padding: .6rem .75rem; border-radius: .4rem; }}
input {{ border: 1px solid var(--line); background: transparent; color: inherit; }}
button {{ margin-top: .75rem; border: 0; background: var(--go); color: var(--paper); font-weight: 600;
  cursor: pointer; }}
:focus-visible {{ outline: 3px solid var(--go); outline-offset: 2px; }}
</style>
</head>
<body><main>{content}</main></body>
</html>
"""

_FORM = """\
<h1>Create an account</h1>
<p>Your API key comes by e-mail{offer}. Lost your key? Enter the same
address: a new one comes, and your balance is kept.</p>
<form method="post">
<label for="email">E-mail address</label>
<input id="email" name="email" type="email" autocomplete="email" required maxlength="254">
<button>Send me a key</button>
</form>
"""

_SENT = """\
<h1>Look into your mailbox</h1>
<p>A mail with an API key is on its way to <strong>{email}</strong>. It can take a minute.</p>
"""

_BOUGHT = """\
<h1>Thank you</h1>
<p>Your credits are on your account as soon as the payment is confirmed: mostly within a minute, for a bank transfer
within days. You can close this page.</p>
"""

_SAVED = """\
<h1>Your card is saved</h1>
<p>A pack is bought when your credits run low, as you agreed. You can close this page.</p>
"""

_CANCELLED = """\
<h1>Nothing was paid</h1>
<p>You left the payment. Your balance is as it was; you can close this page.</p>
"""


def register_page(credits: int, days: int) -> str:
    """The page with the form; it says with how many credits an account begins, and for how many days (0: for good)."""
    offer = f", with {_short(credits)} tokens to {f'try it, for {days} days' if days else 'begin with'}"
    content = _FORM.format(offer=offer if credits else "")
    return _PAGE.format(title="Create an account · Farebox", content=content)


def sent_page(email: str) -> str:
    """The page after the form was sent; the same for every address."""
    return _PAGE.format(title="Look into your mailbox · Farebox", content=_SENT.format(email=escape(email)))


def checkout_page(outcome: str) -> str:
    """The page that a user comes back to from the provider's: `cancelled`, `saved` (a card), or else paid."""
    content = {"cancelled": _CANCELLED, "saved": _SAVED}.get(outcome, _BOUGHT)
    return _PAGE.format(title="Payment · Farebox", content=content)


def _short(tokens: int) -> str:
    """100000 as 100k."""
    for size, suffix in ((1_000_000, "M"), (1_000, "k")):
        if tokens >= size and tokens % size == 0:
            return f"{tokens // size}{suffix}"
    return str(tokens)
