"""What the gateway answers by itself: its own errors."""

import json

from functions import cors
from functions.errors import FareboxError
from infra.local.events import Answer, answer_of


class GatewayError(Exception):
    """An answer of the gateway's own, in OpenAI's shape. `headers` are sent with it."""

    def __init__(self, status: int, error: FareboxError, *, readable_by_pages: bool = True, **headers: str) -> None:
        super().__init__(status)
        self.readable_by_pages = readable_by_pages
        self._status = status
        self._error = error
        self._headers = headers

    def answer(self, request_id: str) -> Answer:
        headers = {"content-type": "application/json", "x-request-id": request_id}
        headers |= cors.HEADERS if self.readable_by_pages else {}
        body = json.dumps(self._error.body())
        return answer_of({"statusCode": self._status, "headers": headers | self._headers, "body": body})
