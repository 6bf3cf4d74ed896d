"""What the Chalice apps of the entries share: errors of ours as answers, in OpenAI's shape, readable by pages."""

import functools
import logging
import secrets
from collections.abc import Callable, Sequence
from typing import Any

from chalice.app import Chalice, Response

from functions import cors
from functions import settings as settings_module
from functions.errors import FareboxError, NotFound, where
from functions.events import Event, header, headers, wants_page
from functions.observer import NOBODY, Observer
from functions.routing import Routes
from functions.telemetry import Telemetry

JSON = "application/json"
ANY = "X-AMAZON-APIGATEWAY-ANY-METHOD"
"""Packaged by Chalice as the method that API Gateway falls back to; it never arrives as a request's method."""

View = Callable[..., Any]

log = logging.getLogger("farebox.entry")


class App(Chalice):
    """A Chalice app whose routes are declared by `answers`."""

    def __init__(self, app_name: str, *, readable_by_pages: bool, service: str = "api") -> None:
        """`readable_by_pages`: answers carry CORS headers, and every route answers preflights.

        `service` is the function's name in metrics and logs.
        """
        super().__init__(app_name=app_name, configure_logs=False)  # it would silence all warnings of `farebox.…`
        self.service = service
        self.watch: Observer = NOBODY
        self.readable_by_pages = readable_by_pages
        self.elsewhere: dict[str, tuple[str, ...]] = {}
        self.register_middleware(self._finish, "http")

    def __call__(self, event: Event, context: Any) -> Any:
        """Answer an event. One that a greedy resource caught is for the route that its path means."""
        proxy = (event.get("pathParameters") or {}).get("proxy")
        resource = event["requestContext"]["resourcePath"]
        if proxy is not None and resource.endswith("{proxy+}"):
            found = Routes(self.routes).match(resource.removesuffix("{proxy+}") + proxy)
            if found and not found.is_greedy:
                told = event["requestContext"] | {"resourcePath": found.resource}
                event = event | {"resource": found.resource, "pathParameters": found.parameters, "requestContext": told}
        return super().__call__(event, context)

    @functools.cached_property
    def telemetry(self) -> Telemetry:
        """Made when it is first needed: packaging imports apps without settings."""
        return Telemetry(settings_module.get(), self.service)

    @property
    def event(self) -> Event:
        """The event being answered."""
        if self.current_request is None:
            raise RuntimeError("there is no request")
        original: Event = self.current_request.to_original_event()
        return original

    def answers(
        self,
        path: str,
        methods: Sequence[str] = ("GET",),
        content_types: Sequence[str] = (JSON,),
        page: Callable[[FareboxError], Response] | None = None,
    ) -> Callable[[View], View]:
        """A route whose errors of ours become their answers; `page` makes those for browsers. GET answers HEAD too."""

        def wrap(view: View) -> View:
            @functools.wraps(view)
            def answered(**parameters: str) -> Any:
                try:
                    return view(**parameters)
                except FareboxError as error:
                    self.watch.failed(error)
                    return page(error) if page and wants_page(self.event) else refusal(error)

            taken = {*methods, *(["HEAD"] if "GET" in methods else [])}
            taken -= {"OPTIONS"} if self.readable_by_pages else set()
            self.route(path, methods=sorted(taken), content_types=list(content_types))(answered)
            if self.readable_by_pages and "OPTIONS" not in self.routes[path]:
                self.preflights(path)
            return answered

        return wrap

    def preflights(self, path: str, elsewhere: Sequence[str] = ()) -> None:
        """Answer the preflights of a path, and its other methods with 405; another function answers `elsewhere`."""
        self.elsewhere[path] = tuple(elsewhere)
        methods = ["OPTIONS", ANY] if elsewhere or self.routes[path] else ["OPTIONS"]
        self.route(path, methods=methods, content_types=["*/*"])(self._preflight)

    def _preflight(self, **_: str) -> Response:
        asked = ", ".join(headers(self.event, "access-control-request-headers"))
        return Response("", headers=dict(cors.preflight(asked)))

    def _finish(self, event: Any, get_response: Callable[[Any], Response]) -> Response:
        """Every answer has a request id; the framework's own errors get the shape of ours."""
        request_id = "req_" + secrets.token_hex(12)
        invocation = getattr(event.lambda_context, "aws_request_id", "")
        self.watch = self.telemetry.watch(request_id, event.path, method=event.method, function_request_id=invocation)
        try:
            response = get_response(event)
        except Exception as fault:  # noqa: BLE001  the last resort, told to the log by `where`
            log.error("a request failed: %s", where(fault))  # a middleware's fault: a view's Chalice answers itself
            self.watch.failed(failure := FareboxError("The gateway failed."))
            response = refusal(failure)
        if isinstance(response.body, dict) and "Code" in response.body:
            error = self._found_by_chalice(response)
            self.watch.failed(error)
            response.body = error.body()
        response.headers["x-request-id"] = request_id
        for name, value in ({"cache-control": "no-store"} | self._told_to_pages(event)).items():
            response.headers.setdefault(name, value)
        self.watch.done(response.status_code)
        return response

    def _told_to_pages(self, event: Any) -> dict[str, str]:
        """CORS headers of an answer."""
        if not self.readable_by_pages:
            return {}
        request = event.to_original_event()
        return cors.told(request["requestContext"]["resourcePath"], header(request, "origin"))

    def _found_by_chalice(self, response: Response) -> FareboxError:
        """An error of the framework's as one of ours; its status stays."""
        if "Allow" in response.headers:
            path = self.event["requestContext"]["resourcePath"]
            taken = ", ".join(sorted({*self.routes[path], *self.elsewhere.get(path, ())} - {ANY}))
            response.headers["Allow"] = taken
            return NotFound(f"This path answers only to {taken}.")
        error = FareboxError(response.body["Message"])
        error.type = "invalid_request_error" if response.status_code < 500 else error.type
        return error


def refusal(error: FareboxError) -> Response:
    """An error of ours as an answer."""
    return Response(error.body(), status_code=error.status, headers=dict(error.headers))
