"""Projects as this process knows them: read when they are first asked for, and again every few seconds.

A change of a project is live within PROJECT_MAX_AGE_S, or three times that in a process with an event loop: there a
request that finds a project a little old goes on with it while it is read again, so that none has to wait.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from functions.admit.gate import Gate
from functions.authenticate.callers import Callers
from functions.errors import BadRequest, FareboxError, Forbidden, ProviderFailed, Unauthenticated, Unavailable, where
from functions.forward.providers import Provider
from functions.ledger import credentials, grants, projects
from functions.ledger.abuse import Policy
from functions.ledger.projects import Stored
from functions.ledger.store import Ledger
from functions.projects import document, vault
from functions.projects.operators import OperatorProvider, operators
from functions.projects.project import DEFAULT, Project
from functions.settings import Settings, projects_secrets

if TYPE_CHECKING:
    from functions.forward.upstream import Upstream  # needs aiohttp, which the functions that do not stream lack

log = logging.getLogger("farebox.projects")

PROJECTS_MAX = 1000
KEYS_MAX = 10_000
WAITS_AFTER = 3
"""So many times PROJECT_MAX_AGE_S old, a project is not used any more before it is read again."""

Connect = Callable[[Provider, str, bool], "Upstream"]
"""Makes the connection to a provider, with its key; whether its URL is an owner's, which is to be guarded."""


@dataclass(frozen=True)
class Lane:
    """One way to be known to one version of a project, and the gate of those who are."""

    live: "Live"
    name: str
    gate: Gate

    @property
    def gain(self) -> grants.Trial:
        """What an account of this lane begins with."""
        signup = self.gate.rules.signup
        return grants.Trial(signup.amount, signup.lasts_s)


class Live:
    """One version of a project as it was read: what it serves, and by whom."""

    def __init__(self, project: Project, stored: Stored | None, read_s: float, shared: "Shared") -> None:
        self.project, self.stored, self.read_s = project, stored, read_s
        self._shared = shared
        self._lanes: dict[str, Lane] = {}
        self._upstreams: dict[str, Upstream] = {}

    @property
    def revision(self) -> int:
        """Which state of the project this is; each change makes another."""
        return self.stored.revision if self.stored else 0

    def lane(self, method: str) -> Lane:
        """Of a method that is on. Raises Unauthenticated."""
        if method not in self._lanes:
            if method not in self.project.methods:
                raise Unauthenticated
            shared = self._shared
            gate = Gate(
                shared.ledger,
                self.project.methods[method].rules,
                shared.callers,
                hold_expiry_s=shared.settings.hold_expiry_s,
                project=self.project.project_id,
            )
            self._lanes[method] = Lane(self, method, gate)
        return self._lanes[method]

    @cached_property
    def abuse(self) -> Policy | None:
        """When its users are blocked."""
        abuse = self.project.abuse
        return Policy(abuse.threshold, abuse.period, abuse.block_s) if abuse else None

    def upstream(self, name: str, connect: Connect) -> "Upstream":
        """The connection to one of its providers. Raises Forbidden, ProviderFailed."""
        if name not in self._upstreams:
            provider = self.project.providers[name]
            if provider.operator:
                theirs = self._shared.operators.get(provider.operator)
                if not theirs or not self.stored or provider.operator not in self.stored.grants:
                    raise Forbidden(f"The operator has not granted the provider {name!r} to this project.")
                self._upstreams[name] = connect(theirs.provider, theirs.api_key, False)
            else:
                self._upstreams[name] = connect(provider, self._key(provider), True)
        return self._upstreams[name]

    def shared_secrets(self) -> Mapping[str, str]:
        """The secrets that issuers share with this project, by their names."""
        return self._secrets

    @cached_property
    def _secrets(self) -> Mapping[str, str]:
        issuers = [issuer for method in self.project.methods.values() for issuer in method.issuers]
        named = {issuer.shared_secret: issuer.issuer for issuer in issuers if issuer.shared_secret}
        found: dict[str, str] = {}
        for name, place in named.items():
            try:
                found[name] = self._unsealed(name, place)
            except vault.VaultError:
                log.error("project %s: the secret of an issuer cannot be unsealed", self.project.project_id)
        return found

    def _key(self, provider: Provider) -> str:
        """A provider's key; "" where the owner gave none. Raises ProviderFailed."""
        try:
            return self._unsealed(provider.name, provider.base_url)
        except vault.VaultError:
            log.error("project %s: the key of a provider cannot be unsealed", self.project.project_id)
            raise ProviderFailed(
                f"The key of the provider {provider.name!r} must be given again; nothing was charged."
            ) from None

    def _unsealed(self, name: str, place: str) -> str:
        sealed = self.stored.sealed.get(name) if self.stored else None
        if not sealed:
            return ""
        return vault.unseal(projects_secrets(self._shared.settings), self.project.project_id, name, place, sealed.text)


@dataclass(frozen=True)
class Shared:
    """What all projects of a process share."""

    settings: Settings
    ledger: Ledger
    callers: Callers
    operators: Mapping[str, OperatorProvider]


class Projects:
    """The projects that were asked for lately. Of a key it remembers the project, which says if it still counts."""

    def __init__(self, settings: Settings, ledger: Ledger, callers: Callers, *, in_background: bool = False) -> None:
        """`in_background`: there is an event loop that can read while requests go on. Raises SettingsError."""
        self._shared = Shared(settings, ledger, callers, operators(settings))
        self._by_id: OrderedDict[str, Live] = OrderedDict()
        self._by_key: OrderedDict[str, str] = OrderedDict()
        self._reading: dict[str, asyncio.Task[None]] = {}
        self._in_background = in_background
        self.default = Live(document.of_settings(settings), None, 0, self._shared)

    def known(self, project_id: str) -> Live | None:
        """A project as it was read not long ago. One that is a little old is read again meanwhile."""
        if project_id == DEFAULT:
            return self.default
        live, most_s = self._by_id.get(project_id), self._shared.settings.project_max_age_s
        if live is None:
            return None
        age_s = self._shared.ledger.clock.now() - live.read_s
        if age_s <= most_s:
            return live
        if not self._in_background or age_s > WAITS_AFTER * most_s:
            return None
        if project_id not in self._reading:
            self._reading[project_id] = asyncio.create_task(self._read_again(project_id))
        return live

    async def get(self, project_id: str) -> Live:
        """A project that is not too old. Raises Unauthenticated where there is none, LedgerUnavailable."""
        return self.known(project_id) or await self._read(project_id)

    async def of_key(self, key: str) -> Live:
        """The project of a publishable or secret key. Raises Unauthenticated, LedgerUnavailable."""
        identifier = credentials.credential_id(key)
        project_id = self._by_key.get(identifier)
        if project_id is None:
            project_id = await projects.project_of_key(self._shared.ledger, identifier)
            if project_id is None:
                raise Unauthenticated
            self._by_key[identifier] = project_id
            if len(self._by_key) > KEYS_MAX:
                self._by_key.popitem(last=False)
        live = await self.get(project_id)
        if not live.stored or identifier not in live.stored.keys:
            live = await self._read(project_id)  # made since, or revoked
            if not live.stored or identifier not in live.stored.keys:
                raise Unauthenticated
        return live

    def named_by(self, key: str) -> str:
        """The project whose key this is, or was; "" where this process has not heard of it. Reads nothing."""
        return self._by_key.get(credentials.credential_id(key), "")

    def known_by_key(self, key: str) -> Live | None:
        """The same without reading anything: None where that would be needed."""
        identifier = credentials.credential_id(key)
        live = self.known(self._by_key.get(identifier, ""))
        return live if live and live.stored and identifier in live.stored.keys else None

    async def _read(self, project_id: str) -> Live:
        shared = self._shared
        read_s = shared.ledger.clock.now()
        stored = await projects.read(shared.ledger, project_id)
        if stored is None or stored.state != "open":
            self._by_id.pop(project_id, None)
            raise Unauthenticated
        before = self._by_id.get(project_id)
        if before and before.revision >= stored.revision:  # more: a later reading was answered sooner
            before.read_s = max(before.read_s, read_s)  # what was made of it still holds
            return before
        live = Live(self._parse(stored), stored, read_s, shared)
        self._by_id[project_id] = live
        if len(self._by_id) > PROJECTS_MAX:
            self._by_id.popitem(last=False)
        return live

    def _parse(self, stored: Stored) -> Project:
        """Raises Unavailable where a project was valid once and is not any more, by settings that have changed."""
        allowed = self._shared.settings.outbound_allowed_cidrs
        operators = self._shared.operators
        try:
            return document.parse(
                stored.project_id, stored.version, stored.document, allowed=allowed, operators=operators
            )
        except BadRequest as error:
            log.error("project %s cannot be used: %s", stored.project_id, error.param)
            raise Unavailable(f"This project cannot be used as it is: {error.param}.", 60) from None

    async def _read_again(self, project_id: str) -> None:
        try:
            await self._read(project_id)
        except FareboxError:
            pass  # it stays as it was for a little longer; then whoever asks waits for it, and is told
        except Exception as error:  # noqa: BLE001  nobody else would see it
            log.error("a project could not be read again: %s", where(error))
        finally:
            self._reading.pop(project_id, None)
