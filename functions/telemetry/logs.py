"""Logs as JSON, a line each, in the shape of Powertools: on Lambda only, and once per process.

Every `logging.getLogger("farebox.…")` stays as it is; what is set here is how its lines look. The fields of a request
are context variables, so that each of many requests at once has its own.
"""

import json
import logging
import sys
from types import TracebackType
from typing import Any

from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from functions.errors import where
from functions.settings import Settings

ORDER = ["level", "message", "timestamp", "name", "location"]
OTHERS = logging.WARNING
"""What libraries say below this is never shown, whatever LOG_LEVEL: at DEBUG some tell whole requests, keys too."""
WITH_HANDLERS_OF_THEIR_OWN = "uvicorn"
"""What the names of loggers begin with that have some."""

ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class Formatter(LambdaPowertoolsFormatter):
    """Powertools' formatter, but of an exception it tells kind and place, never its words."""

    def __init__(self, stage: str, service: str) -> None:
        fields: dict[str, Any] = {"name": "%(name)s", "stage": stage, "service": service}
        super().__init__(
            json_serializer=json.JSONEncoder(default=str, separators=(",", ":"), ensure_ascii=False).encode,
            json_deserializer=str,  # a message that looks like JSON stays the text that it is
            log_record_order=ORDER,
            utc=True,
            use_rfc3339=True,
            serialize_stacktrace=False,  # it would tell an exception's words
            **fields,
        )

    def format(self, record: logging.LogRecord) -> str:
        if record.name == "asyncio":  # its first line says what; the rest shows objects, an exception's words too
            record.msg, record.args = record.getMessage().partition("\n")[0], None
        return super().format(record)

    def formatException(self, ei: ExceptionInfo) -> str:  # noqa: N802  logging's own name
        return where(ei[1]) if ei[1] else ""

    def serialize(self, log: Any) -> str:
        log.pop("exception_notes", None)
        if trace_id := log.pop("trace_id", ""):
            log["xray_trace_id"] = trace_id  # the streaming function's is told by headers, not by its environment
        return super().serialize(log)


_formatters: list[Formatter] = []


def configure(settings: Settings, service: str) -> None:
    """From now on all logs of this process are JSON lines on stdout. The first service of a process names them."""
    if _formatters:
        return
    _formatters.append(Formatter(settings.stage, service))
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_formatters[0])
    root = logging.getLogger()
    root.handlers = [handler]  # Lambda's own runtime has put one there
    root.setLevel(OTHERS)
    for name in list(root.manager.loggerDict):
        if name.startswith(WITH_HANDLERS_OF_THEIR_OWN):
            logger = logging.getLogger(name)
            logger.handlers, logger.propagate = [], True
    logging.getLogger("farebox").setLevel(settings.log_level)
    logging.getLogger("uvicorn.access").disabled = True  # it would tell addresses and query strings
    logging.captureWarnings(True)


def begin(**fields: str) -> None:
    """The fields of every line from here on, in this context only; empty ones are left out."""
    for formatter in _formatters:
        formatter.thread_safe_clear_keys()
    add(**fields)


def add(**fields: str) -> None:
    """More of them."""
    for formatter in _formatters:
        formatter.thread_safe_append_keys(**{name: value for name, value in fields.items() if value})
