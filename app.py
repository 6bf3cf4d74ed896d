"""The Chalice app: the routes that answer in one piece. Each is parse, one call, answer."""

import functools
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote

from chalice.app import Chalice, Response

from functions import settings as settings_module
from functions.accounts import pages, receipts_page
from functions.accounts.registration import count_client, register
from functions.accounts.view import account_view
from functions.admit.preview import endpoint_of, preview
from functions.errors import BadRequest, FareboxError
from functions.forward import body as json_body
from functions.forward.llama import prepare
from functions.forward.models import model_list, one_model
from functions.ledger.tables import drive
from functions.ledger.windows import DAY_S
from functions.money import MICROCREDITS_PER_CREDIT
from functions.rest import Rest, body_of, gateway_error, header

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"

app = Chalice(app_name="farebox")


@functools.cache
def rest() -> Rest:
    """Made in the first request: packaging imports this file without settings."""
    return Rest(settings_module.get())


if settings_module.get().on_lambda:
    rest()  # a deployment with malformed settings or rules never starts


@app.middleware("http")
def every_answer(event: Any, get_response: Callable[[Any], Response]) -> Response:
    """Every answer has a request id; the framework's own errors get the shape of ours."""
    response = get_response(event)
    if isinstance(response.body, dict) and "Code" in response.body:
        response.body = gateway_error(response.status_code, response.body["Message"])
    response.headers["x-request-id"] = "req_" + secrets.token_hex(12)
    response.headers.setdefault("cache-control", "no-store")
    return response


def route(path: str, **options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A Chalice route whose errors of ours become their answers."""

    def wrap(view: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(view)
        def answered(**parameters: str) -> Any:
            try:
                return view(**parameters)
            except FareboxError as error:
                return Response(error.body(), status_code=error.status, headers=dict(error.headers))

        app.route(path, **options)(answered)
        return answered

    return wrap


def event() -> dict[str, Any]:
    """The API Gateway event being answered."""
    if app.current_request is None:
        raise RuntimeError("there is no request")
    original: dict[str, Any] = app.current_request.to_original_event()
    return original


@route("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


@route("/register", methods=["GET"])
def register_form() -> Response:
    signup = rest().rules.signup
    page = pages.register_page(signup.amount // MICROCREDITS_PER_CREDIT, signup.lasts_s // DAY_S)
    return Response(page, headers=dict(pages.HEADERS))


@route("/register", methods=["POST"], content_types=[JSON, FORM])
def register_account() -> Response:
    request = event()
    drive(count_client(rest().ledger, rest().settings, rest().address_scope(request)))
    raw = body_of(request)
    is_form = (header(request, "content-type") or JSON).startswith(FORM)
    email = _form_field(raw, "email") if is_form else json_body.parse(raw).get("email")
    address = drive(register(rest().ledger, rest().settings, rest().rules.signup, email))
    if is_form:
        return Response(pages.sent_page(address), headers=dict(pages.HEADERS))
    return Response({"email": address, "message": f"A mail with an API key is on its way to {address}."})


@route("/account", methods=["GET"])
def account() -> dict[str, Any]:
    return account_view(rest().account(event()), rest().ledger.clock.now())


@route("/account/receipts", methods=["GET"])
def account_receipts() -> Response:
    request = event()
    account = rest().account(request)
    asked = receipts_page.parse(request.get("multiValueQueryStringParameters") or {}, header(request, "accept"))
    body, headers = receipts_page.answer(account.account_id, asked, rest().ledger.clock.now())
    return Response(body, headers=dict(headers))


@route("/v1/estimate", methods=["POST"], content_types=["*/*"])
def estimate() -> dict[str, Any]:
    request = event()
    account, raw = rest().account(request), body_of(request)
    settings = rest().settings
    limits = settings.llama_max_output_tokens, settings.llama_template_tokens
    prepared = prepare(endpoint_of(json_body.parse(raw)), raw, *limits)
    return preview(rest().rules, settings.llama_model, prepared, account, rest().ledger.clock.now())


@route("/v1/models", methods=["GET"])
def models() -> dict[str, Any]:
    rest().account(event())
    return model_list(rest().settings)


@route("/v1/models/{name}", methods=["GET"])
def model(name: str) -> dict[str, Any]:
    rest().account(event())
    return one_model(rest().settings, unquote(name))


def _form_field(raw: bytes, name: str) -> str:
    """One field of a form. Raises BadRequest where it stands twice or the form cannot be read."""
    try:
        values = parse_qs(raw.decode(), max_num_fields=20).get(name, [""])
    except ValueError:
        raise BadRequest("The form cannot be read.") from None
    if len(values) != 1:
        raise BadRequest(f"{name} stands twice.", param=name)
    return values[0]
