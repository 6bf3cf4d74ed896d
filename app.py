"""The Chalice app: the routes that answer in one piece. Each is parse, one call, answer."""

from typing import Any
from urllib.parse import unquote

from chalice.app import Response

from functions import (
    buying,  # noqa: F401  more of its routes
    entering,  # noqa: F401
    front,
    own_account,  # noqa: F401
    own_data,  # noqa: F401
    own_keys,  # noqa: F401
    own_use,  # noqa: F401
    publishing,  # noqa: F401
)
from functions.admit.preview import endpoint_of, preview
from functions.cors import METHODS
from functions.errors import NotFound
from functions.events import body_of
from functions.forward import body as json_body
from functions.forward.endpoints import ENDPOINTS
from functions.forward.models import model_list, one_model
from functions.projects.models import listed, one
from functions.projects.orders import estimated

app, rest = front.app, front.rest


@app.answers("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


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
