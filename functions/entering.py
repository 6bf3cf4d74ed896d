"""Routes of the api function: the pages that people come in by, and registration."""

from urllib.parse import parse_qs

from chalice.app import Response

from functions.accounts import pages
from functions.accounts.registration import count_client, register
from functions.entry import JSON
from functions.errors import BadRequest
from functions.events import body_of, header
from functions.forward import body as json_body
from functions.front import app, rest
from functions.ledger.tables import drive
from functions.ledger.windows import DAY_S
from functions.money import MICROCREDITS_PER_CREDIT

FORM = "application/x-www-form-urlencoded"


@app.answers("/register", methods=["GET"])
def register_form() -> Response:
    signup = rest().rules.signup
    page = pages.register_page(signup.amount // MICROCREDITS_PER_CREDIT, signup.lasts_s // DAY_S)
    return Response(page, headers=dict(pages.HEADERS))


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


def _form_field(raw: bytes, name: str) -> str:
    """One field of a form. Raises BadRequest where it stands twice or the form cannot be read."""
    try:
        values = parse_qs(raw.decode(), max_num_fields=20).get(name, [""])
    except ValueError:
        raise BadRequest("The form cannot be read.") from None
    if len(values) != 1:
        raise BadRequest(f"{name} stands twice.", param=name)
    return values[0]
