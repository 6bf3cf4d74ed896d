"""The Chalice app: the routes that answer in one piece. Each is parse, one call, answer."""

import functools
from typing import Any
from urllib.parse import parse_qs, unquote

from chalice.app import Response

from functions import settings as settings_module
from functions.accounts import pages, receipts_page
from functions.accounts.registration import count_client, register
from functions.accounts.view import account_view, packs_of
from functions.admit.preview import endpoint_of, preview
from functions.cors import METHODS
from functions.entry import JSON, App
from functions.errors import BadRequest, NotFound
from functions.events import body_of, header
from functions.forward import body as json_body
from functions.forward.endpoints import ENDPOINTS
from functions.forward.models import model_list, one_model
from functions.ledger.tables import drive
from functions.ledger.windows import DAY_S
from functions.money import MICROCREDITS_PER_CREDIT
from functions.projects.models import listed, one
from functions.projects.orders import estimated
from functions.rest import Rest

FORM = "application/x-www-form-urlencoded"

app = App("farebox", readable_by_pages=True)


def rest() -> Rest:
    """Made in the first request, since packaging imports this file without settings; again when secrets changed."""
    return _rest(settings_module.source().renew())


@functools.lru_cache(maxsize=1)
def _rest(settings: settings_module.Settings) -> Rest:
    return Rest(settings, app.telemetry.healed)


if settings_module.get().on_lambda:
    rest()  # a deployment with malformed settings or rules never starts


@app.answers("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


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


@app.answers("/account", methods=["GET"])
def account() -> dict[str, Any]:
    asking = rest().asking(app.event)
    packs = packs_of(asking.lane)
    return account_view(rest().account(asking), packs, rest().ledger.clock.now())


@app.answers("/account/receipts", methods=["GET"])
def account_receipts() -> Response:
    request = app.event
    account_id = rest().account(rest().asking(request)).account_id
    asked = receipts_page.parse(request.get("multiValueQueryStringParameters") or {}, header(request, "accept"))
    body, headers = receipts_page.answer(account_id, asked, rest().ledger.clock.now())
    return Response(body, headers=dict(headers))


@app.answers("/v1/estimate", methods=["POST"], content_types=["*/*"])
def estimate() -> dict[str, Any]:
    request = app.event
    asking, raw = rest().asking(request), body_of(request)
    asked = estimated(rest().settings, asking.lane.live, endpoint_of(json_body.parse(raw)), raw)
    account = rest().account(asking)
    return preview(asking.lane.gate.rules, asked.model, asked.dearest, account, rest().ledger.clock.now())


@app.answers("/v1/models", methods=["GET"])
def models() -> dict[str, Any]:
    live = rest().asking(app.event).lane.live
    return listed(live.project) if live.stored else model_list(rest().settings)


@app.answers("/v1/models/{name}", methods=["GET"])
def model(name: str) -> dict[str, Any]:
    live, asked = rest().asking(app.event).lane.live, unquote(name)
    return one(live.project, asked) if live.stored else one_model(rest().settings, asked)


@app.answers("/v1/{proxy+}", methods=METHODS, content_types=["*/*"])
def unknown() -> Response:
    raise NotFound("There is nothing at this path.")


for endpoint in ENDPOINTS:
    app.preflights(endpoint, elsewhere=["POST"])  # the streaming function's
app.preflights("/checkout")


def _form_field(raw: bytes, name: str) -> str:
    """One field of a form. Raises BadRequest where it stands twice or the form cannot be read."""
    try:
        values = parse_qs(raw.decode(), max_num_fields=20).get(name, [""])
    except ValueError:
        raise BadRequest("The form cannot be read.") from None
    if len(values) != 1:
        raise BadRequest(f"{name} stands twice.", param=name)
    return values[0]
