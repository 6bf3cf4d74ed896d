"""Routes of the api function: the addresses that people come in by, and registration.

The pages themselves are the site's. A key in an address goes on behind `#`, which no browser sends to anybody.
"""

from urllib.parse import parse_qs, quote

from chalice.app import Response

from functions.accounts import pages
from functions.accounts.registration import count_client, register
from functions.entry import JSON
from functions.errors import BadRequest, Unauthenticated
from functions.events import Event, body_of, header, wants_page
from functions.forward import body as json_body
from functions.front import app, problem, rest, see_other
from functions.ledger.tables import drive
from functions.ledger.windows import DAY_S
from functions.money import MICROCREDITS_PER_CREDIT
from functions.owners.asked import query

USER_KEY = "sk-"
FORM = "application/x-www-form-urlencoded"


@app.answers("/register", methods=["GET"], page=problem)
def register_form() -> Response:
    """The page; of JSON, what an account begins with."""
    if JSON not in header(app.event, "accept") or wants_page(app.event):
        return see_other(f"{rest().site_url(app.event)}/register.html")
    signup = rest().rules.signup
    trial = {"credits": signup.amount // MICROCREDITS_PER_CREDIT, "days": signup.lasts_s // DAY_S}
    return Response({"trial": trial}, headers={"vary": "accept"})


@app.answers("/register", methods=["POST"], content_types=[JSON, FORM])
def register_account() -> Response:
    request = app.event
    drive(count_client(rest().ledger, rest().settings, rest().address_scope(request)))
    raw = body_of(request)
    is_form = (header(request, "content-type") or JSON).startswith(FORM)
    email = _form_field(raw, "email") if is_form else json_body.parse(raw).get("email")
    address = drive(register(rest().ledger, rest().settings, rest().rules.signup, email, rest().base_url(request)))
    if is_form:
        return Response(pages.sent_page(address), headers=dict(pages.HEADERS))
    return Response({"email": address, "message": f"A mail with an API key is on its way to {address}."})


@app.answers("/dashboard", methods=["GET"], page=problem)
def dashboard() -> Response:
    """Who has no good key is sent to where there are keys."""
    key = query(app.event.get("multiValueQueryStringParameters"), ("key",)).get("key")
    site = rest().site_url(app.event)
    if key is None:
        return see_other(f"{site}/dashboard.html")
    return see_other(
        f"{site}/dashboard.html#key={quote(key)}" if _is_users(app.event, key) else f"{site}/register.html"
    )


def _is_users(event: Event, key: str) -> bool:
    """Whether a key is one that a user has now. Raises RateLimited, BadRequest, Forbidden, LedgerUnavailable."""
    try:
        rest().account(rest().asking(event, key))
    except Unauthenticated:
        return False
    return key.startswith(USER_KEY)


def _form_field(raw: bytes, name: str) -> str:
    """One field of a form. Raises BadRequest where it stands twice or the form cannot be read."""
    try:
        values = parse_qs(raw.decode(), max_num_fields=20).get(name, [""])
    except ValueError:
        raise BadRequest("The form cannot be read.") from None
    if len(values) != 1:
        raise BadRequest(f"{name} stands twice.", param=name)
    return values[0]
