"""What the hold of a running stream still covers, and more of it while the stream nears its end."""

import asyncio
import contextlib
from dataclasses import replace

from functions.admit.estimate import FLOOR_OUTPUT_TOKENS
from functions.admit.gate import Ticket
from functions.authenticate.callers import Callers
from functions.errors import FareboxError
from functions.ledger.account import Account
from functions.ledger.admit import Admission
from functions.ledger.extend import More, extend
from functions.ledger.settle import HoldResolved
from functions.ledger.store import Ledger
from functions.ledger.tidy import AccountGone
from functions.money import Usage

LOW_IS_ONE_OF = 5
"""A hold is extended when no more than one part in so many of it is left: near 80 % of its use."""


class Allowance:
    """The credits held for one running request. The stream asks it how far it may go, and goes on meanwhile."""

    def __init__(self, ledger: Ledger, callers: Callers, ticket: Ticket) -> None:
        self.ledger, self.callers, self.price = ledger, callers, ticket.price
        self.admission, self.hold = ticket.admission, ticket.admission.hold
        self.per_token = max(1, ticket.price.output)
        self.more = More(ticket.asked.upper, FLOOR_OUTPUT_TOKENS * self.per_token)
        self.extending: asyncio.Task[None] | None = None
        self.refused = False
        """Nothing more was to be had when it was asked for last."""

    async def reach(self, usage: Usage) -> int:
        """How many more tokens may come before this is asked again; negative: the credits are used up."""
        room, low = self._room(usage), self._low
        if room <= low and not (self.refused and room >= 0):
            self._begin()  # refused near the end, it is asked for once more at the very end
        while self.extending and (room < 0 or self.extending.done()):
            await asyncio.shield(self.extending)  # a client that leaves meanwhile must not lose the hold's true size
            self.extending = None
            room = self._room(usage)
            if room <= self._low and not self.refused:
                self._begin()  # one extension was not enough
        if room < 0 or self.refused or self.hold.amount >= self.more.upper:
            return room
        return max(0, room - self._low)

    async def admission_for(self, usage: Usage) -> Admission:
        """The admission with its hold as large as it has become; larger still where its usage came to more."""
        if self._room(usage) < 0:
            self._begin()
        while self.extending:
            await self.extending
            self.extending = None
            if self._room(usage) < 0 and not self.refused:
                self._begin()
        return replace(self.admission, hold=self.hold)

    def _begin(self) -> None:
        """Ask for more, unless that is under way or all that the request can come to is held."""
        if self.extending is None and self.hold.amount < self.more.upper:
            self.extending = asyncio.ensure_future(self._extend())

    def _room(self, usage: Usage) -> int:
        """The tokens that the hold still covers; negative where the usage is above it."""
        return (self.hold.amount - self.price.cost(usage)) // self.per_token

    @property
    def _low(self) -> int:
        return self.hold.amount // LOW_IS_ONE_OF // self.per_token

    async def _extend(self) -> None:
        """Take more; where that fails, what is held is all there is, and the settle finds what was taken."""
        account: Account = self.callers.accounts.get(self.admission.account.account_id, self.admission.account)
        before, self.refused = self.hold.amount, True
        with contextlib.suppress(HoldResolved, AccountGone, FareboxError):
            self.hold, account = await extend(self.ledger, account, self.hold, self.more)
            self.callers.saw(account)
            self.refused = self.hold.amount == before
