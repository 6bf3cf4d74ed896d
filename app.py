"""The Chalice app: the routes that answer in one piece. Each is parse, one call, answer."""

import functools
from typing import Any
from urllib.parse import parse_qs, unquote

from chalice.app import Response

from functions import settings as settings_module
from functions.accounts import pages, receipts_page
from functions.accounts.registration import count_client, register
from functions.accounts.view import account_view
from functions.admit.preview import endpoint_of, preview
from functions.cors import METHODS
from functions.entry import JSON, App
from functions.errors import BadRequest, NotFound
from functions.events import Event, body_of, header
from functions.forward import body as json_body
from functions.forward.endpoints import ENDPOINTS
from functions.forward.models import model_list, one_model
from functions.ledger import orders
from functions.ledger.tables import drive
from functions.ledger.windows import DAY_S
from functions.money import MICROCREDITS_PER_CREDIT
from functions.owners.asked import fields, query
from functions.payments import agreements, connections, provider, purchases
from functions.payments.checkout import Asked, Buyer, begin
from functions.payments.packs import find, offers
from functions.projects.asking import Asking
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
    found, ledger = rest().account(asking), rest().ledger
    bought, _ = drive(orders.newest(ledger, orders.of_account(found.account_id), purchases.SHOWN))
    methods = connections.available(rest().settings, asking.lane.live)
    return account_view(found, ledger.clock.now(), offers=offers(asking.lane), bought=bought, methods=methods)


@app.answers("/account/receipts", methods=["GET"])
def account_receipts() -> Response:
    request = app.event
    account_id = rest().account(rest().asking(request)).account_id
    asked = receipts_page.parse(request.get("multiValueQueryStringParameters") or {}, header(request, "accept"))
    body, headers = receipts_page.answer(account_id, asked, rest().ledger.clock.now())
    return Response(body, headers=dict(headers))


@app.answers("/account/top-up", methods=["GET"])
def account_top_up() -> dict[str, Any]:
    return drive(agreements.shown(rest().ledger, rest().account(rest().asking(app.event)).account_id))


@app.answers("/account/top-up", methods=["PUT"])
def agree_to_top_up() -> dict[str, Any]:
    buyer = _buyer(app.event, rest().asking(app.event))
    asked = fields(body_of(app.event), ("pack", "below", "per_day"), ("return_url",))
    return drive(agreements.agree(rest().ledger, rest().settings, buyer, asked))


@app.answers("/account/top-up", methods=["DELETE"])
def forget_top_up() -> dict[str, Any]:
    asking = rest().asking(app.event)
    fields(body_of(app.event))
    return drive(agreements.forget(rest().ledger, rest().account(asking).account_id))


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


@app.answers("/checkout", methods=["POST"])
def checkout() -> dict[str, Any]:
    return _begin(app.event, fields(body_of(app.event), ("pack",), ("method", "return_url")))


@app.answers("/checkout", methods=["GET"])
def checkout_by_address() -> Response:
    """As a link of the model gateway's dashboard has it. The key goes no further than here."""
    asked = query(app.event.get("multiValueQueryStringParameters"), ("pack", "method", "key"))
    found = _begin(app.event, {"method": provider.STRIPE} | asked, asked.get("key", ""))
    if not found:
        return Response("")
    return Response("", status_code=303, headers={"location": found["url"], "referrer-policy": "no-referrer"})


@app.answers("/checkout/done", methods=["GET"])
def checkout_done() -> Response:
    (outcome, *_) = (app.event.get("multiValueQueryStringParameters") or {}).get("checkout") or [""]
    return Response(pages.checkout_page(outcome), headers=dict(pages.HEADERS))


def _begin(event: Event, given: dict[str, Any], key: str = "") -> dict[str, Any]:
    """The order and the page to pay at; nothing for HEAD, by which nobody goes to pay."""
    asking = rest().asking(event, key)
    if event["httpMethod"] == "HEAD":
        find(asking.lane, given.get("pack"))
        return {}
    asked = Asked(given.get("pack"), given.get("method"), given.get("return_url"))
    return drive(begin(rest().ledger, rest().settings, _buyer(event, asking), asked))


def _buyer(event: Event, asking: Asking) -> Buyer:
    return Buyer(asking.lane, rest().account(asking), rest().base_url(event))


def _form_field(raw: bytes, name: str) -> str:
    """One field of a form. Raises BadRequest where it stands twice or the form cannot be read."""
    try:
        values = parse_qs(raw.decode(), max_num_fields=20).get(name, [""])
    except ValueError:
        raise BadRequest("The form cannot be read.") from None
    if len(values) != 1:
        raise BadRequest(f"{name} stands twice.", param=name)
    return values[0]
