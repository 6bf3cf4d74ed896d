"""Who is asking, and by which rules: from what a request was sent with to a project, a way to be known, an account.

The prefix of the key decides what it is. A user's key (`sk-`) says all by itself. With a project's key, publishable
(`pk-`, managed mode) or secret (`ps-`, forward mode), the user's token comes in a header of its own; without one the
user is an address, where the project lets such users in. A token that is not valid is refused, never taken for none.
"""

import hashlib
import json
import math
from collections import OrderedDict
from dataclasses import dataclass

from functions.authenticate.callers import Asker, Caller, Callers, Visitor
from functions.authenticate.keys import bearer
from functions.authenticate.tokens import Trust, Verifier
from functions.authenticate.user_token import user_token
from functions.errors import BadRequest, Forbidden, Unauthenticated
from functions.forward.exchange import Sent
from functions.ledger import grants
from functions.ledger.store import Ledger
from functions.projects.live import Lane, Live, Projects
from functions.projects.project import DEFAULT, FORWARD, JWT, KEY, MANAGED, NO_AUTH, TEST

REMEMBERED_MAX = 10_000
REMEMBERED_S = 60
"""How long a visitor is remembered with a token; then the verifier is asked again, which remembers for a while too."""

PUBLISHABLE, SECRET = "pk-", "ps-"
MODE_OF = {PUBLISHABLE: MANAGED, SECRET: FORWARD}


@dataclass(frozen=True, slots=True)
class Asking:
    """Who is asking: their lane of a project, how to look them up again, and their account as last known."""

    lane: Lane
    asker: Asker
    caller: Caller


@dataclass(frozen=True, slots=True)
class _Seen:
    """A visitor that came before, at one revision of a project."""

    project_id: str
    revision: int
    lane: str
    visitor: Visitor
    until_s: float


class Door:
    """Finds out who is asking, and remembers whom it has seen."""

    def __init__(self, projects: Projects, callers: Callers, verifier: Verifier) -> None:
        self.projects, self.callers, self.verifier = projects, callers, verifier
        self._seen: OrderedDict[bytes, _Seen] = OrderedDict()

    def remembered(self, ledger: Ledger, sent: Sent) -> Asking | None:
        """Who is asking, where that is known without asking anybody. Raises what `find` raises."""
        key, token = _key(sent), _token(sent)
        if key[:3] not in MODE_OF:
            caller = self.callers.remembered(key, ledger.clock.now())
            live = self.projects.known(caller.project_id) if caller else None
            return _by_key(sent, live, key, token, caller) if live and caller else None
        seen = self._seen.get(_visit(key, token, sent.scope))
        if not seen or seen.until_s <= ledger.clock.now():
            return None
        live = self.projects.known_by_key(key)
        if not live or (live.project.project_id, live.revision) != (seen.project_id, seen.revision):
            return None
        judge(live, sent)
        known = self.callers.remembered(seen.visitor, ledger.clock.now())
        return Asking(live.lane(seen.lane), seen.visitor, known) if known else None

    async def find(self, ledger: Ledger, sent: Sent) -> Asking:
        """Who is asking, looked up. Raises Unauthenticated, Forbidden, BadRequest, LedgerUnavailable, Unavailable."""
        key, token = _key(sent), _token(sent)
        if key[:3] not in MODE_OF:
            caller = await self.callers.look_up(ledger, key)
            return _by_key(sent, await self.projects.get(caller.project_id), key, token, caller)
        live = await self.projects.of_key(key)
        if live.project.mode != MODE_OF[key[:3]]:
            raise Forbidden(
                "A publishable key is for a project in managed mode, a secret key for one in forward mode.",
                code="wrong_key",
            )
        judge(live, sent)
        if token.startswith("sk-"):
            caller = await self.callers.look_up(ledger, token)
            if caller.project_id != live.project.project_id:
                raise Unauthenticated
            return Asking(live.lane(KEY), token, caller)
        lane, visitor, until_s = await self._visitor(live, token, sent.scope)
        caller = await self.callers.look_up(ledger, visitor)
        until_s = min(until_s, ledger.clock.now() + REMEMBERED_S)
        place = live.project.project_id, live.revision
        self._seen[_visit(key, token, sent.scope)] = _Seen(*place, lane.name, visitor, until_s)
        if len(self._seen) > REMEMBERED_MAX:
            self._seen.popitem(last=False)
        return Asking(lane, visitor, caller)

    def project_of(self, sent: Sent) -> str:
        """The project that a request's key is of; "" where this process knows of none. Asks nobody, raises nothing."""
        try:
            key = _key(sent)
        except Unauthenticated:
            return ""
        if key[:3] in MODE_OF:
            return self.projects.named_by(key)
        caller = self.callers.remembered(key, 0)  # of a key that has ended, too
        return caller.project_id if caller else ""

    async def _visitor(self, live: Live, token: str, scope: str) -> tuple[Lane, Visitor, float]:
        """Who comes with a token, or with none; and until when that is so, in seconds since 1970."""
        project = live.project
        if not token:
            lane = live.lane(NO_AUTH)
            kind, digest = ("ip", scope.rpartition("/")[2]) if project.mode == MANAGED else ("backend", "-")
            return lane, Visitor(grants.Subject(project.project_id, kind, digest), lane.gain), math.inf
        issuers = project.methods[JWT].issuers if JWT in project.methods else ()
        trust = Trust(project.project_id, project.version, issuers)
        known = await self.verifier.verify(trust, token, live.shared_secrets())
        if known.kind == TEST:
            if project.mode == FORWARD or not live.stored or known.subject not in live.stored.test_tokens:
                raise Unauthenticated
            lane, digest, shown = live.lane(TEST), known.subject, ""
        else:
            lane, shown = live.lane(JWT), known.subject
            digest = hashlib.sha256(json.dumps([known.issuer, known.subject]).encode()).hexdigest()
        subject = grants.Subject(project.project_id, known.kind, digest, shown)
        return lane, Visitor(subject, lane.gain), known.expires


def judge(live: Live, sent: Sent) -> None:
    """Raise Forbidden where the project does not take requests from the page that sent this one.

    Only requests of pages carry an Origin: apps and servers send none.
    """
    if sent.origin and live.project.mode == FORWARD:
        raise Forbidden("A secret key is never for a page: whoever opens it could use it.", code="secret_key_in_page")
    if live.project.origins and any(origin not in live.project.origins for origin in sent.origin):
        raise Forbidden("This project does not take requests from this page's origin.", code="origin_not_allowed")


def _by_key(sent: Sent, live: Live, key: str, token: str, caller: Caller) -> Asking:
    """Asked with a user's key alone: all it takes in the built-in project, which knows no users' tokens.

    Elsewhere it is judged as the project's other users are; in forward mode it counts only beside the secret key.
    """
    if live.project.project_id != DEFAULT:
        if token:
            raise BadRequest("A user's token goes with a project's key, not with a user's.", param="x-user-token")
        if live.project.mode == FORWARD:
            raise Forbidden("In forward mode a user's key goes beside the project's secret key.", code="wrong_key")
        judge(live, sent)
    return Asking(live.lane(KEY), key, caller)


def _key(sent: Sent) -> str:
    """The key of a request: in `authorization`; only where there is none, in `x-api-key`. Raises Unauthenticated."""
    return bearer(sent.authorization or [f"Bearer {key}" for key in sent.api_key])


def _token(sent: Sent) -> str:
    """The user's token, "" where there is none. Raises BadRequest where there are two that differ."""
    return user_token(sent.promptproxy_key, sent.user_token)


def _visit(key: str, token: str, scope: str) -> bytes:
    """What a visit is remembered by: neither the key nor the token itself."""
    who = json.dumps([key, token, "" if token else scope])  # no token reads as an address
    return hashlib.sha256(who.encode()).digest()
