"""Stripe: Checkout Sessions, and cards that are saved in one and charged later.

Events of charges, refunds and disputes name a payment intent; Stripe is asked for its session. What was charged without
one, for an automatic top-up, goes by its payment intent. https://docs.stripe.com/api, https://docs.stripe.com/webhooks
"""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

import stripe
from stripe import StripeClient, WebhookSignature

from functions.errors import BadRequest
from functions.forward import body as json_body
from functions.payments import provider
from functions.payments.provider import Connection, Event, Header, Made, Payment, Wanted
from functions.payments.stripe_calls import Object, asking, is_missing, listed
from functions.payments.stripe_objects import id_of, of_intent, of_session, order_of, text, whole

if TYPE_CHECKING:  # 14 MB of words for type checkers, which no layer has
    from stripe.params import PaymentIntentCreateParams
    from stripe.params.checkout import SessionCreateParams

TOLERANCE_S = 300
"""How far Stripe's clock may be from ours; what is older may be somebody's copy. Stripe's own tolerance."""
HEADER_LENGTH_MAX = 2048
SIGNED = re.compile(r"(?!.*,t=)t=[0-9]{1,12}(,[a-z0-9]+=[^,]*)*", re.ASCII)
"""The header, without spaces: one time, and signatures of several schemes."""
EVENT_ID = re.compile(r"[A-Za-z0-9_-]{1,255}", re.ASCII)
EVENT_KIND = re.compile(r"[A-Za-z0-9_.]{1,100}", re.ASCII)
SESSION = re.compile(r"cs_[A-Za-z0-9_]{1,250}", re.ASCII)
INTENT = re.compile(r"pi_[A-Za-z0-9_]{1,250}", re.ASCII)
CHARGE = re.compile(r"(?:ch|py)_[A-Za-z0-9_]{1,250}", re.ASCII)
NUMBER = re.compile(r"ord_[0-9a-f]{32}", re.ASCII)

SESSIONS = "checkout.session."
INTENTS = "payment_intent."
FAMILIES = (INTENTS, "charge.", "refund.")
"""Families of types of events: of one that nobody knows by its name Stripe is asked all the same."""
MONEY = (
    "checkout.session.async_payment_succeeded",
    "payment_intent.succeeded",
    *("charge.succeeded", "charge.captured", "charge.refund", "charge.dispute.", "refund."),
)
"""What types begin with that tell of money that moved."""
CHANGES = (
    *(f"checkout.session.{what}" for what in ("completed", "async_payment_succeeded", "async_payment_failed")),
    "payment_intent.succeeded",
    *("charge.refunded", "charge.refund.updated", "refund.created", "refund.updated", "refund.failed"),
    *(f"charge.dispute.{what}" for what in ("created", "updated", "closed", "funds_withdrawn", "funds_reinstated")),
)
"""Types of events after which a checkout may be another; Stripe lists events of up to 20 types at once."""
EVENTS_KEPT_S = 29 * 86_400
"""Stripe keeps events for 30 days."""
CARDS_ONLY = {"allowed_payment_method_types": ["card"]}
"""What can be charged at once while its owner is away."""


def create(connection: Connection, wanted: Wanted) -> Made:
    """Make a checkout session. Asked twice within a day for the same order it is the same one."""
    tagged = {"metadata": {provider.ORDER: wanted.order}}
    price = {"currency": wanted.currency, "unit_amount": wanted.amount, "product_data": {"name": wanted.title}}
    return _make(
        connection,
        wanted,
        {
            "mode": "payment",
            "line_items": [{"price_data": price, "quantity": 1}],
            "payment_intent_data": {"description": wanted.title, **tagged},
            "adaptive_pricing": {"enabled": False},
        },
    )


def setup(connection: Connection, wanted: Wanted, customer_hint: str) -> Made:
    """Make a checkout session that takes no money and saves a card; `customer_hint` is a `cus_…` to save it with."""
    whose = {"customer": customer_hint} if customer_hint else {"customer_creation": "always"}
    tagged = {"setup_intent_data": {"description": wanted.title, "metadata": {provider.ORDER: wanted.order}}}
    asked = {"mode": "setup", "currency": wanted.currency, **CARDS_ONLY, **tagged, **whose}
    return _make(connection, wanted, asked)


def charge(connection: Connection, *, order: str, saved: str, amount: int, currency: str, title: str) -> Payment:
    """Charge a card that a setup saved; asked twice within a day for the same order it is charged once.

    A card that is declined, wants its owner, or is there no more makes a Payment that failed; its reference is empty
    where Stripe made nothing of it.
    """
    customer, _, method = saved.partition("/")
    asked: PaymentIntentCreateParams = {
        "amount": amount,
        "currency": currency,
        "customer": customer,
        "payment_method": method,
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        "confirm": True,
        "off_session": True,
        "description": title,
        "metadata": {provider.ORDER: order},
    }
    with asking(connection, "payment_intents.create") as api:
        try:
            return of_intent(api.v1.payment_intents.create(asked, {"idempotency_key": order}).to_dict())
        except stripe.CardError as error:
            said: Any = error.json_body
            if isinstance(intent := said["error"].get("payment_intent"), dict):
                return of_intent(intent)
        except stripe.InvalidRequestError as error:
            if error.param not in ("customer", "payment_method"):
                raise
    return Payment("", order, connection.mode, provider.FAILED, amount, currency)


def receive(connection: Connection, header: Header, raw: bytes, now_s: float) -> Event:
    """What an event points at. Raises BadRequest for a forgery, PaymentProviderFailed where Stripe does not say."""
    check_signature(connection.webhook_secrets, header("stripe-signature"), raw, now_s)
    event = json_body.parse(raw)
    event_id, kind = event.get("id"), event.get("type")
    for name, value, form in (("id", event_id, EVENT_ID), ("type", kind, EVENT_KIND)):
        if not isinstance(value, str) or not form.fullmatch(value):
            raise BadRequest(f"{name} is missing or malformed.", param=name)
    event_id, kind = str(event_id), str(kind)
    if not kind.startswith((SESSIONS, *FAMILIES)):
        return Event(event_id, kind, ())
    data = event.get("data")
    thing = data.get("object") if isinstance(data, dict) else None
    about = id_of(thing)
    if not isinstance(thing, dict) or not EVENT_ID.fullmatch(about):
        raise BadRequest("data.object is missing or malformed.", param="data")
    is_money = kind.startswith(MONEY)
    if kind == "checkout.session.completed":
        is_money = thing.get("payment_status") == "paid" or thing.get("mode") == "setup"
    if kind.startswith(SESSIONS):
        references: tuple[str, ...] = (about,) if SESSION.fullmatch(about) else ()
        return Event(event_id, kind, references, about, is_money)
    intent = about if kind.startswith(INTENTS) else _intent_of(connection, thing)
    if thing.get("object") not in ("refund", "dispute"):
        about = intent or about  # one payment, of which several events tell
    reference = _checkout_of(connection, intent)
    return Event(event_id, kind, (reference,) if reference else (), about, is_money)


def check_signature(secrets: Sequence[str], values: Sequence[str], raw: bytes, now_s: float) -> None:
    """Raise BadRequest unless the one header `stripe-signature` was signed now, with one of the secrets, for this body.

    While a secret is being replaced the header has a signature for each. https://docs.stripe.com/webhooks/signature
    """
    signed = values[0].replace(" ", "") if len(values) == 1 and len(values[0]) <= HEADER_LENGTH_MAX else ""
    if signed.isascii() and SIGNED.fullmatch(signed):
        at_s = int(signed.partition(",")[0].removeprefix("t="))
        if abs(now_s - at_s) <= TOLERANCE_S and any(_is_signed(secret, signed, raw) for secret in secrets):
            return
    said = f"The stripe-signature is missing, wrong, or more than {TOLERANCE_S} s old."
    raise BadRequest(said, param="stripe-signature")


def fetch(connection: Connection, reference: str) -> Payment | None:
    """What came of a checkout, or of a charge by its payment intent or its order; None where Stripe has none such.

    What was charged for an order Stripe finds only after about a minute.
    """
    with asking(connection, "fetch") as api:
        try:
            if SESSION.fullmatch(reference):
                expand = ["payment_intent", "setup_intent"]
                session = api.v1.checkout.sessions.retrieve(reference, {"expand": expand}).to_dict()
                return _with_money_back(api, of_session, session, id_of(session.get("payment_intent")))
            if INTENT.fullmatch(reference):
                intent = api.v1.payment_intents.retrieve(reference).to_dict()
                return _with_money_back(api, of_intent, intent, reference)
            if NUMBER.fullmatch(reference):
                query = f"metadata['{provider.ORDER}']:'{reference}'"
                found = [one.to_dict() for one in api.v1.payment_intents.search({"query": query}).data]
                mine = [one for one in found if order_of(one) == reference]
                mine.sort(key=lambda one: one["status"] == "succeeded")
                return _with_money_back(api, of_intent, mine[-1], text(mine[-1]["id"])) if mine else None
        except stripe.InvalidRequestError as error:
            if not is_missing(error):
                raise
    return None


def changed(connection: Connection, since_s: int) -> Iterator[str]:
    """What events since tell of, the newest first, as Stripe lists them.

    Stripe forgets events after a month; for a time before that, also what was begun since then.
    """
    since, known, told = {"created": {"gte": since_s}}, dict[str, str](), set[str]()
    for thing in _touched(connection, since, is_long=since_s < time.time() - EVENTS_KEPT_S):
        reference = id_of(thing)
        if thing.get("object") == "checkout.session":
            if intent := id_of(thing.get("payment_intent")):
                known[intent] = reference
        else:
            intent = reference if thing.get("object") == "payment_intent" else _intent_of(connection, thing)
            if intent not in known:
                known[intent] = _checkout_of(connection, intent)
            reference = known[intent]
        if reference and reference not in told:
            told.add(reference)
            yield reference


def _make(connection: Connection, wanted: Wanted, asked: dict[str, Any]) -> Made:
    """A checkout session; without the buyer's address where Stripe does not take it."""
    asked |= {"client_reference_id": wanted.order, "metadata": {provider.ORDER: wanted.order}}
    asked |= {"success_url": wanted.done_url, "cancel_url": wanted.cancel_url}
    asked |= {"expires_at": wanted.expires} if wanted.expires else {}
    address = {"customer_email": wanted.email} if wanted.email and "customer" not in asked else {}
    with asking(connection, "checkout.sessions.create") as api:
        sessions = api.v1.checkout.sessions
        try:
            made = sessions.create(cast("SessionCreateParams", asked | address), {"idempotency_key": wanted.order})
        except stripe.InvalidRequestError as error:
            if not address or error.param != "customer_email":
                raise
            again = f"{wanted.order}/without_address"
            made = sessions.create(cast("SessionCreateParams", asked), {"idempotency_key": again})
        reference, url = text(made.id), text(made.url)
        if not SESSION.fullmatch(reference) or not url:
            raise ValueError("no checkout")
        return Made(reference, url, whole(made.expires_at))


def _is_signed(secret: str, signed: str, raw: bytes) -> bool:
    try:
        return bool(WebhookSignature.verify_header(raw, signed, secret))
    except (stripe.SignatureVerificationError, ValueError):
        return False


def _with_money_back(api: StripeClient, of: Callable[..., Payment], thing: Object, intent: str) -> Payment:
    """With refunds and disputes, of which there are none where nothing was paid."""
    payment = of(thing)
    if payment.state != provider.PAID or not INTENT.fullmatch(intent):
        return payment
    refunds = api.v1.refunds.list({"payment_intent": intent, "limit": 100}).auto_paging_iter()
    disputes = api.v1.disputes.list({"payment_intent": intent, "limit": 100}).auto_paging_iter()
    back = [
        [one for each in many if id_of((one := each.to_dict()).get("payment_intent")) == intent]
        for many in (refunds, disputes)
    ]
    return of(thing, *back)


def _intent_of(connection: Connection, thing: Object) -> str:
    """The payment intent of a charge, a refund or a dispute; "" where it has none."""
    intent, charged = id_of(thing.get("payment_intent")), id_of(thing.get("charge"))
    if not intent and CHARGE.fullmatch(charged):
        with asking(connection, "charges.retrieve") as api:
            try:
                intent = id_of(api.v1.charges.retrieve(charged).to_dict().get("payment_intent"))
            except stripe.InvalidRequestError as error:
                if not is_missing(error):
                    raise
    return intent if INTENT.fullmatch(intent) else ""


def _checkout_of(connection: Connection, intent: str) -> str:
    """The session of a payment intent; the intent itself, where it has none and is for an order of ours; else ""."""
    if not INTENT.fullmatch(intent):
        return ""
    with asking(connection, "checkout.sessions.list") as api:
        try:
            for session in api.v1.checkout.sessions.list({"payment_intent": intent, "limit": 1}).data:
                if id_of(session.to_dict().get("payment_intent")) == intent:
                    return session.id
            return intent if order_of(api.v1.payment_intents.retrieve(intent).to_dict()) else ""
        except stripe.InvalidRequestError as error:
            if not is_missing(error):
                raise
            return ""


def _touched(connection: Connection, since: dict[str, Any], *, is_long: bool) -> Iterator[Object]:
    """Sessions, payment intents, refunds, disputes and charges to which something happened."""
    asked = since | {"types": list(CHANGES)}
    for event in listed(connection, "events.list", lambda api, page: api.v1.events.list(cast("Any", asked | page))):
        yield event["data"]["object"]
    if not is_long:
        return
    lists: tuple[Callable[[StripeClient], Any], ...] = (
        lambda api: api.v1.checkout.sessions,
        lambda api: api.v1.payment_intents,
        lambda api: api.v1.refunds,
        lambda api: api.v1.disputes,
    )
    for of in lists:
        yield from listed(connection, "lists", lambda api, page, of=of: of(api).list(since | page))  # type: ignore[misc]
