"""Telling what is due: each notice is leased, told in each way that it is to be told, and then gone.

A way that fails is tried again later, alone. One receiver that is slow or fails takes no more of a run than its share,
and all of one sort no more than theirs: what else there is for it waits, and nobody behind it does.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from functions.accounts import mail
from functions.errors import LedgerUnavailable, MailUnavailable, NotFound, where
from functions.ledger import notices, tidy
from functions.ledger import told as kept
from functions.ledger.account import Account
from functions.ledger.notices import Notice
from functions.ledger.tables import drive
from functions.notices import mails, webhooks
from functions.notices.webhooks import Receiver
from functions.outbound import OutboundFailed
from functions.payments.till import Till
from functions.projects import vault
from functions.projects.notices import SECRET_NAME
from functions.projects.project import DEFAULT
from functions.settings import projects_secrets

log = logging.getLogger("farebox.notices")

PAGE = 25
RETRY_S = (60, 300, 1800, 7200, 43_200)
"""How long after each failure a way is tried again; the last counts for all that follow."""
GIVEN_UP_AFTER_S = 3 * 86_400
BEGUN_RETRY_MAX_S = 3600
"""What begins something is never given up, and tried again at least so often."""
NOT_SENT = "could not be sent: its URL may not be called, or this gateway is not well"
FAILURES_MAX = 3
"""Of one receiver in a row; then it is left alone until the next run. Of the ledger in a row; then the run ends."""
PUT_OFF_S, PUT_OFF_MAX_S = 60, 3600


@dataclass(frozen=True, slots=True)
class Share:
    """What of a run, in seconds, is for one receiver, and for all of its sort.

    Of what is put off, so many (`together`) come again in the same minute.
    """

    each_s: float
    all_s: float
    together: int


MAIL, WEBHOOK, BEGUN = "mail", webhooks.WAY, "begun"
"""Sorts of receivers; all mail goes through one."""
SHARES = {MAIL: Share(100.0, 100.0, 50), WEBHOOK: Share(20.0, 60.0, 10), BEGUN: Share(60.0, 80.0, 50)}
"""Together a run on AWS: slow owners leave time for receipts, a relay that is slow does for top-ups."""

Kinds = Mapping[str, Callable[[Till, Notice], int]]
"""Notices that tell nobody, but begin something, which may be begun again: by kind, what. It gives in how many seconds
to come again, 0 where it is done; whatever it raises, it failed."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to tell a notice: its name, its sort and its receiver, what does it and may say when to come again."""

    name: str
    sort: str
    receiver: str
    tell: Callable[[], int | None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one way of telling: done, failed, or to be done in so many seconds."""

    failed: bool = False
    again_s: int = 0


@dataclass
class Run:
    """One run of errands: what is left of its time, and how it went with each receiver."""

    till: Till
    kinds: Kinds
    told: Counter[str] = field(default_factory=Counter)
    spent_s: "defaultdict[str, float]" = field(default_factory=lambda: defaultdict(float))
    sort_spent_s: "defaultdict[str, float]" = field(default_factory=lambda: defaultdict(float))
    failures: Counter[str] = field(default_factory=Counter)
    ledger_failures: int = 0
    """In a row."""
    waiting: Counter[str] = field(default_factory=Counter)

    def all_due(self, may_go_on: Callable[[], bool]) -> Counter[str]:
        """Tell what is due for as long as there is time. Gives how often what happened.

        Raises LedgerUnavailable where the ledger does not answer at all, or FAILURES_MAX times in a row.
        """
        not_ours: set[str] = set()
        while may_go_on():
            page = [notice for notice in drive(notices.due(self.till.ledger, PAGE)) if notice.id not in not_ours]
            for notice in page:
                if not may_go_on():
                    break
                if not self._leased_and_told(notice):
                    not_ours.add(notice.id)
            if not page:
                break
        return self.told

    def _leased_and_told(self, notice: Notice) -> bool:
        """Tell one, unless somebody else does; gives whether nobody has to look at it again in this run."""
        failed_before, leased = self.ledger_failures, None
        try:
            leased = drive(notices.lease(self.till.ledger, notice))
            if leased:
                self._one(leased)
        except LedgerUnavailable as error:
            self._ledger_failed(notice, error)
        if self.ledger_failures == failed_before:
            self.ledger_failures = 0
        return leased is not None

    def _ledger_failed(self, notice: Notice, error: LedgerUnavailable) -> None:
        self.ledger_failures += 1
        log.warning("notice %s (%s) of %s waits for the ledger: %s", *_named(notice), where(error))
        if self.ledger_failures >= FAILURES_MAX:
            raise error

    def _one(self, notice: Notice) -> None:
        """Tell one, in each way that is left. Raises LedgerUnavailable: it is told again once its lease is over."""
        outcomes = self._outcomes(notice)
        open_ = [outcome for outcome in outcomes.values() if outcome.failed or outcome.again_s]
        done = notice.done + tuple(name for name, outcome in outcomes.items() if outcome not in open_)
        ledger, failed = self.till.ledger, any(outcome.failed for outcome in open_)
        is_begun = notice.kind in self.kinds
        if not open_:
            drive(notices.done(ledger, notice))
            self.told["told"] += 1
        elif self._is_old(notice) and not is_begun:
            log.error("notice %s (%s) of %s is given up: it failed %d times", *_named(notice), notice.tries + failed)
            drive(notices.done(ledger, notice))
            self.told["given_up"] += 1
        else:
            retry_s = RETRY_S[min(notice.tries, len(RETRY_S) - 1)]
            retry_s = min(retry_s, BEGUN_RETRY_MAX_S) if is_begun else retry_s
            in_s = min(retry_s if outcome.failed else outcome.again_s for outcome in open_)
            drive(notices.later(ledger, notice, in_s, failed=failed, done=done))
            self.told["failed" if failed else "put_off"] += 1

    def _is_old(self, notice: Notice) -> bool:
        return self.till.ledger.clock.now() - notice.created >= GIVEN_UP_AFTER_S

    def _outcomes(self, notice: Notice) -> dict[str, Outcome]:
        """What came of each way that is left; it failed where nobody can tell which those are."""
        try:
            ways = self._ways(notice)
        except LedgerUnavailable as error:
            self._ledger_failed(notice, error)
            return {"": Outcome(failed=True)}
        return {way.name: self._try(way, notice) for way in ways if way.name not in notice.done}

    def _try(self, way: Way, notice: Notice) -> Outcome:
        """One attempt, unless the receiver, or all of its sort, had their share."""
        share, receiver = SHARES[way.sort], way.receiver
        is_spent = self.spent_s[receiver] >= share.each_s or self.sort_spent_s[way.sort] >= share.all_s
        if is_spent or self.failures[receiver] >= FAILURES_MAX:
            self.waiting[receiver] += 1
            return Outcome(again_s=min(PUT_OFF_MAX_S, PUT_OFF_S * (1 + self.waiting[receiver] // share.together)))
        clock = self.till.ledger.clock
        began_s = clock.now()
        try:
            again_s = way.tell() or 0
        except Exception as error:  # noqa: BLE001  one that cannot be told must not keep the others from it
            self.failures[receiver] += not _is_its_own(way, error)
            said = str(error) if isinstance(error, OutboundFailed) else where(error)
            log.warning("notice %s (%s) of %s failed by %s: %s", *_named(notice), receiver, said)
            if way.sort == WEBHOOK:
                drive(kept.keep(self.till.ledger, notice, said if isinstance(error, OutboundFailed) else NOT_SENT))
            return Outcome(failed=True)
        finally:
            taken_s = max(0.0, clock.now() - began_s)
            self.spent_s[receiver] += taken_s
            self.sort_spent_s[way.sort] += taken_s
        self.failures[receiver] = 0
        return Outcome(again_s=again_s)

    def _ways(self, notice: Notice) -> list[Way]:
        """How a notice is told."""
        if begin := self.kinds.get(notice.kind):
            receiver = f"{notice.kind} of {notice.project_id}"
            return [Way(notice.kind, BEGUN, receiver, lambda: begin(self.till, notice))]
        account, ways = self._account(notice), list[Way]()
        if account and account.email and notice.kind in mails.KINDS:
            ways.append(Way(MAIL, MAIL, MAIL, lambda: self._mail(notice, account)))
        if notice.kind in webhooks.TYPES:
            ways.append(Way(WEBHOOK, WEBHOOK, notice.project_id, lambda: self._webhook(notice, account)))
        elif notice.kind not in mails.KINDS:
            ways.append(Way(notice.kind, BEGUN, notice.kind, _unknown))
        return ways

    def _account(self, notice: Notice) -> Account | None:
        """Whom it is about, as they are now."""
        if not notice.account_id.rpartition("/")[2].isdigit():
            return None
        try:
            return drive(tidy.read(self.till.ledger, notice.account_id))
        except tidy.AccountGone:
            return None

    def _mail(self, notice: Notice, account: Account) -> None:
        ledger, settings = self.till.ledger, self.till.settings
        composed = mails.compose(notice, account, settings.base_url.rstrip("/"), ledger.clock.now())
        if composed:
            message = mail.compose(settings.smtp_from, account.email, *composed)
            message.replace_header("Message-ID", f"<{notice.id}@farebox.invalid>")  # the same where it comes twice
            mail.send(settings, message)

    def _webhook(self, notice: Notice, account: Account | None) -> None:
        receiver = self._receiver(notice.project_id)
        if receiver:
            webhooks.send(receiver, notice, account, self.till.ledger.clock.now())
            drive(kept.keep(self.till.ledger, notice))

    def _receiver(self, project_id: str) -> Receiver | None:
        """Where the owner of a project wants to be told; None: nowhere. Raises OutboundFailed, Unavailable."""
        settings = self.till.settings
        if project_id == DEFAULT:
            found = settings.notices_url and settings.notices_secret
            return Receiver(settings.notices_url, settings.notices_secret, None) if found else None
        try:
            live = self.till.live(project_id)
        except NotFound:
            return None
        url, stored = live.project.notices_url, live.stored
        sealed = stored.sealed.get(SECRET_NAME) if stored else None
        if not url or not sealed:
            return None
        try:
            secret = vault.unseal(projects_secrets(settings), project_id, SECRET_NAME, url, sealed.text)
        except vault.VaultError:
            raise OutboundFailed("the secret must be given again") from None
        return Receiver(url, secret, settings.outbound_allowed_cidrs)


def _unknown() -> None:
    """A kind that a newer version put; it may be here soon."""
    raise OutboundFailed("of an unknown kind")


def _is_its_own(way: Way, error: Exception) -> bool:
    """Whether a failure says nothing of its receiver: of a relay, all but that it does not take mail at all."""
    return way.sort == MAIL and (isinstance(error, mail.MailRefused) or not isinstance(error, MailUnavailable))


def _named(notice: Notice) -> tuple[str, str, str]:
    return notice.id, notice.kind, notice.account_id
