"""Entry of the errands function: what nobody waits for. An event names a task.

{"task": "notices"}    every minute: tell people what is due, begin automatic top-ups
{"task": "reconcile"}  nightly: what providers say against orders; with "start", from where an answer's `next` says
"""

import functools
import logging
from collections.abc import Callable, Mapping
from typing import Any

from functions import settings as settings_module
from functions.errors import BadRequest
from functions.ledger.notices import TOP_UP
from functions.notices.telling import Kinds, Run
from functions.payments import reconciled, top_up
from functions.payments.till import Till
from functions.settings import Settings
from functions.telemetry import Telemetry

log = logging.getLogger("farebox.errands")

TIME_LEFT_MIN_MS = 60_000
"""Less than this is kept for what was begun; a notice takes half of it at most."""

TimeLeft = Callable[[], int]
"""The milliseconds that are left."""
Task = Callable[[Till, Mapping[str, Any], TimeLeft], dict[str, Any]]


def notices(till: Till, event: Mapping[str, Any], time_left_ms: TimeLeft) -> dict[str, Any]:  # noqa: ARG001
    """Tell what is due. Gives {"told", "failed", "put_off", "given_up"}: how many of each there were.

    Raises LedgerUnavailable.
    """
    told = Run(till, KINDS).all_due(lambda: time_left_ms() > TIME_LEFT_MIN_MS)
    if told:
        log.info("notices: %s", dict(told))
    return dict(told)


KINDS: Kinds = {TOP_UP: top_up.run}
"""Notices that begin something."""
TASKS: Mapping[str, Task] = {"notices": notices, "reconcile": reconciled.nightly}


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Do the event's task. Raises BadRequest for an unknown one, SettingsError, LedgerUnavailable."""
    deployment = settings_module.source().renew()
    telemetry, till = _made(deployment)
    telemetry.invoked(getattr(context, "aws_request_id", ""))
    name = str(event.get("task"))
    task = TASKS.get(name)
    if task is None:
        raise BadRequest(f"task must be one of: {', '.join(TASKS)}.", param="task")
    told = task(till, event, context.get_remaining_time_in_millis)
    telemetry.errand(name, told)
    return told


@functools.lru_cache(maxsize=1)
def _made(settings: Settings) -> tuple[Telemetry, Till]:
    """Made once; again when secrets changed."""
    telemetry = Telemetry(settings, "errands")
    return telemetry, Till(settings, telemetry.healed)
