"""Routes of the api function: buying credits, now and whenever they run low."""

from typing import Any
from urllib.parse import urlencode

from chalice.app import Response

from functions.errors import NotConfigured
from functions.events import Event, body_of
from functions.front import app, problem, rest, see_other
from functions.ledger.tables import drive
from functions.owners.asked import fields, query
from functions.payments import agreements, checkout, provider
from functions.payments.checkout import Asked, Buyer, begin
from functions.payments.packs import find
from functions.projects.asking import Asking

TOLD_LENGTH_MAX = 100


@app.answers("/checkout", methods=["POST"])
def begin_checkout() -> dict[str, Any]:
    asking = rest().asking(app.event)
    return _begin(app.event, asking, fields(body_of(app.event), ("pack",), ("method", "return_url")))


@app.answers("/checkout", methods=["GET"], page=problem)
def checkout_by_address() -> Response:
    """As a link of the model gateway's dashboard has it. The key goes no further than here."""
    given = app.event.get("multiValueQueryStringParameters") or {}
    asking = rest().asking(app.event, "".join(given.get("key", [])[:1]))
    found = _begin(app.event, asking, {"method": provider.STRIPE} | query(given, ("pack", "method", "key")))
    if not found:
        return Response("")
    return see_other(found["url"])


@app.answers("/checkout/done", methods=["GET"], page=problem)
def checkout_done() -> Response:
    """Where purchases led back to before there was a page for it; some are still under way."""
    given = app.event.get("multiValueQueryStringParameters") or {}
    told = urlencode({name: given[name][0][:TOLD_LENGTH_MAX] for name in ("checkout", "order") if given.get(name)})
    return see_other(f"{rest().site_url(app.event)}{checkout.DONE_PAGE}{told and '?' + told}")


def _begin(event: Event, asking: Asking, given: dict[str, Any]) -> dict[str, Any]:
    """The order and the page to pay at; nothing for HEAD, by which nobody goes to pay."""
    if event["httpMethod"] == "HEAD":
        find(asking.lane, given.get("pack"))
        return {}
    asked = Asked(given.get("pack"), given.get("method"), given.get("return_url"))
    return drive(begin(rest().ledger, rest().settings, _buyer(event, asking), asked))


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


def _buyer(event: Event, asking: Asking) -> Buyer:
    try:
        site = rest().site_url(event)
    except NotConfigured:
        site = ""  # not needed by those who say themselves where they come back to
    return Buyer(asking.lane, rest().account(asking), rest().base_url(event), site)
