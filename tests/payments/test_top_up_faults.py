"""An automatic top-up whose process dies anywhere, whose answers are lost, whose provider is down: charged once or not.

The provider here is in the test's own process, so that it can die with it; tests/payments/test_top_up.py has the other.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import pytest

from functions.authenticate.callers import Callers
from functions.errors import LedgerUnavailable, PaymentProviderFailed
from functions.ledger import journal, notices, orders, tidy, top_ups, unmatched
from functions.ledger.account import Account
from functions.ledger.orders import Order
from functions.ledger.store import Ledger
from functions.ledger.top_ups import Terms, TopUp
from functions.ledger.windows import DAY_S
from functions.payments import agreements, charging, packs, provider, top_up
from functions.payments.provider import Connection, Payment
from functions.payments.synchronize import synchronize
from functions.projects.live import Projects
from functions.settings import Settings
from tests.ledger.faults import Call, Crash, FakeClock, Fault, FaultyStore, When, at, never
from tests.stand import TestLedger

PACK, CREDITS = packs.BUILT_IN["starter"]
BELOW = 1_000_000 * 10**6
CARD = "cus_1/pm_1"
FAULTS = pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.LOST_ANSWER, Fault.TWICE])


@dataclass
class Bank:
    """A provider that charges once for an order, and remembers by which payment."""

    payments: dict[str, Payment] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    """Orders for which a charge was asked, each time."""
    state: str = provider.PAID
    down: bool = False
    refuses: bool = False
    """It makes nothing of a charge: the card is there no more."""
    slow: bool = False
    """It charged, and does not know of it when it is asked."""
    dies: str = ""
    """Where this process dies: `before` or `after` it charged."""

    def charge(
        self, connection: Connection, *, order: str, saved: str, amount: int, currency: str, title: str
    ) -> Payment:
        self.asked.append(order)
        assert (saved, title) == (CARD, "5M credits")
        if self.down:
            raise PaymentProviderFailed("The provider is down.")
        dies, self.dies = self.dies, ""
        if dies == "before":
            raise Crash
        if self.refuses:
            return Payment("", order, connection.mode, provider.FAILED, amount, currency)
        made = Payment(f"pi_{len(self.payments)}", order, connection.mode, self.state, amount, currency)
        payment = self.payments.setdefault(order, made)
        if dies == "after":
            raise Crash
        return payment

    def fetch(self, _connection: Connection, reference: str) -> Payment | None:
        if self.down:
            raise PaymentProviderFailed("The provider is down.")
        found = [one for one in self.payments.values() if reference in (one.reference, one.order) and not self.slow]
        return found[0] if found else None

    def set(self, order: str, **changes: Any) -> None:
        """What became of a payment since."""
        self.payments[order] = replace(self.payments[order], **changes)


@dataclass
class Scene:
    """A user who agreed, and whoever tops up."""

    bank: Bank
    books: TestLedger
    account: Account
    settings: Settings
    clock: FakeClock = field(default_factory=FakeClock)
    process: FaultyStore | None = None

    def ledger(self, when: When = never) -> Ledger:
        self.process = FaultyStore(self.books.ledger.store, when)
        return replace(self.books.ledger, store=self.process, clock=self.clock)

    @property
    def account_id(self) -> str:
        return self.account.account_id

    async def go_on(self, when: When = never, **settings: Any) -> int:
        """One run of the errand, in a process of its own."""
        ledger, mine = self.ledger(when), replace(self.settings, **settings)
        return await top_up.go_on(ledger, mine, Projects(mine, ledger, Callers()), self.account_id)

    async def agreed(self, **changes: Any) -> TopUp:
        """The user agrees, and a card is saved."""
        ledger, now = self.ledger(), int(self.clock.now())
        plain = {"pack": "starter", "credits": CREDITS, "amount": PACK.amount, "currency": "usd", "below": BELOW}
        terms = Terms(**(plain | {"per_day": 2, "mode": "test", "method": "key"} | changes))  # type: ignore[arg-type]
        number = orders.new_number(ledger, "default")
        project, _, _ = self.account_id.rpartition("/")
        order = Order(
            project,
            "stripe",
            f"cs_{number}",
            number,
            self.account_id,
            orders.SETUP,
            "starter",
            0,
            0,
            "usd",
            "test",
            now,
            now + 60,
            "key",
            changed=now,
        )
        await top_ups.begin(ledger, await top_ups.read(ledger, self.account_id), terms, order)
        step = orders.Step(replace(order, state=provider.PAID), "paid", others=top_ups.finished(ledger, order, CARD))
        await orders.take(ledger, order, step)
        return await top_ups.read(ledger, self.account_id)

    async def now(self) -> tuple[TopUp, Account]:
        ledger = self.ledger()
        return await top_ups.read(ledger, self.account_id), await tidy.read(ledger, self.account_id)

    async def bought(self) -> list[Order]:
        """Orders of top-ups, the newest first."""
        found, _ = await orders.newest(self.ledger(), orders.of_account(self.account_id), 20)
        return [order for order in found if order.kind == orders.TOP_UP]

    async def told(self, kind: str) -> list[dict[str, Any]]:
        """Notices of a kind that are due about this user."""
        due = await notices.due(self.ledger(), 1000)
        return [dict(one.about) for one in due if (one.kind, one.account_id) == (kind, self.account_id)]


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch) -> Bank:
    bank = Bank()
    monkeypatch.setattr(provider, "adapter", lambda _name: bank)
    return bank


@pytest.fixture
async def begin(ledger: TestLedger, bank: Bank) -> Callable[[], Any]:
    settings = replace(ledger.settings, stripe_secret_key="sk_test_of_a_test", stripe_webhook_secret="whsec_of_a_test")

    async def begin() -> Scene:
        return Scene(bank, ledger, await ledger.account(500_000 * 10**6, 365 * DAY_S), settings)

    return begin


@pytest.fixture
async def scene(begin: Callable[[], Any]) -> Scene:
    scene: Scene = await begin()
    return scene


async def finish(scene: Scene) -> None:
    """Errands come again, as long as something is to be done soon."""
    for _ in range(6):
        scene.clock.time_s += top_up.AGAIN_S
        if not await scene.go_on():
            return


async def charged_once(scene: Scene) -> None:
    (order,) = await scene.bought()
    top_up_now, account = await scene.now()
    assert list(scene.bank.payments) == [order.number]
    assert (order.state, account.paid, account.drift()) == (provider.PAID, CREDITS, 0)
    assert (top_up_now.state, top_up_now.placed, top_up_now.today) == (top_ups.ON, "", 1)
    assert (account.number("top_up"), "topping" in account.item) == (BELOW, False)


async def test_a_saved_card_is_charged_once_where_less_is_left(scene: Scene) -> None:
    """The agreement comes into force, the card is charged, the credits are there, and nothing is under way any more."""
    await scene.agreed()
    assert await scene.go_on() == 0
    await charged_once(scene)
    assert await scene.go_on() == 0
    await charged_once(scene)
    (told,) = await scene.told("purchase")
    (order,) = await scene.bought()
    assert (told["order"], order.payment) == (order.number, "pi_0")


@FAULTS
async def test_it_is_charged_once_wherever_a_call_of_the_ledger_fails(begin: Callable[[], Any], fault: Fault) -> None:
    """The process dies before or after each call, its answer is lost, it comes twice: charged once, credited once."""
    for number in count():
        scene = await begin()
        scene.bank.payments.clear()
        await scene.agreed()
        with contextlib.suppress(Crash, LedgerUnavailable):
            await scene.go_on(at(number, fault))
        store = scene.process
        await finish(scene)
        await charged_once(scene)
        assert store
        await store.replay()
        await finish(scene)
        await charged_once(scene)
        if not store.struck:
            break
    assert number > 10


@pytest.mark.parametrize("dies", ["before", "after"])
async def test_it_is_charged_once_where_the_process_dies_in_the_charge(scene: Scene, dies: str) -> None:
    """Before the provider charged, or after: the next one asks with the same number."""
    await scene.agreed()
    scene.bank.dies = dies
    with pytest.raises(Crash):
        await scene.go_on()
    await finish(scene)
    await charged_once(scene)
    assert len(set(scene.bank.asked)) == 1


async def test_an_event_that_comes_first_changes_nothing(scene: Scene) -> None:
    """The provider tells of the payment before whoever charged could write it down: credited once."""
    await scene.agreed()
    scene.bank.dies = "after"
    with pytest.raises(Crash):
        await scene.go_on()
    connection = Connection("default", "stripe", "test", "sk_test_of_a_test", (), "")
    found = await synchronize(scene.ledger(), connection, "pi_0")
    assert found.steps == ("paid",)
    await finish(scene)
    await charged_once(scene)


async def test_a_provider_that_is_down_is_asked_again_for_the_same_order(scene: Scene) -> None:
    """For most of a day, as long as it knows a number again; then nothing is charged any more, and the user is told."""
    await scene.agreed()
    scene.bank.down = True
    assert await scene.go_on() == top_up.AGAIN_S
    scene.clock.time_s += top_up.CHARGE_WITHIN_S - 600
    assert await scene.go_on() == top_up.AGAIN_S
    assert len(set(scene.bank.asked)) == 1
    asked = len(scene.bank.asked)
    scene.clock.time_s += 700
    assert await scene.go_on() == top_up.AGAIN_S
    scene.bank.down = False
    assert await scene.go_on() == 0
    assert (len(scene.bank.asked), scene.bank.payments) == (asked, {})
    await off(scene, "not_charged")


async def test_a_charge_that_was_made_is_found_a_day_later(scene: Scene) -> None:
    """Its answer was lost, and nobody came for a day: the provider is asked for the order, and it counts."""
    await scene.agreed()
    scene.bank.dies = "after"
    with pytest.raises(Crash):
        await scene.go_on()
    scene.clock.time_s += 2 * DAY_S
    await finish(scene)
    assert len(scene.bank.asked) == 1
    (order,) = await scene.bought()
    _, account = await scene.now()
    assert (order.state, account.paid) == (provider.PAID, CREDITS)


async def off(scene: Scene, why: str) -> None:
    """It is switched off, the card is forgotten, and the user is told once."""
    after, account = await scene.now()
    assert (after.state, after.why, after.card, after.placed) == (top_ups.OFF, why, "", "")
    assert not {"top_up", "topping"} & account.item.keys()
    (told,) = await scene.told(notices.TOP_UP_FAILED)
    assert (told["why"], told["pack"]) == (why, "starter")
    assert await scene.go_on() == 0
    assert len(await scene.told(notices.TOP_UP_FAILED)) == 1


async def test_a_card_that_is_declined_ends_it(scene: Scene) -> None:
    """Nothing is credited, and nobody tries again until the user agrees anew."""
    await scene.agreed()
    scene.bank.state = provider.FAILED
    assert await scene.go_on() == 0
    await off(scene, "declined")
    assert (await scene.now())[1].paid == 0
    scene.bank.state = provider.PAID
    await scene.agreed()
    assert await scene.go_on() == 0
    assert (await scene.now())[1].paid == CREDITS


async def test_a_card_that_is_there_no_more_ends_it(scene: Scene) -> None:
    """The provider makes no payment at all, so there is none to ask about: that is told, not waited for."""
    await scene.agreed()
    scene.bank.refuses = True
    assert await scene.go_on() == 0
    await off(scene, "declined")


async def test_a_day_has_so_many_places_and_the_next_one_has_more(scene: Scene) -> None:
    """What is spent at once is topped up `per_day` times; then it waits for midnight."""
    await scene.agreed(per_day=2)
    for _ in range(2):
        assert await scene.go_on() in (0, DAY_S - int(scene.clock.now()) % DAY_S)
        await spend(scene)
    wait_s = await scene.go_on()
    assert wait_s == DAY_S - int(scene.clock.now()) % DAY_S
    assert len(scene.bank.payments) == 2
    scene.clock.time_s += wait_s
    assert await scene.go_on() == 0
    assert len(scene.bank.payments) == 3
    assert (await scene.now())[0].today == 1


async def spend(scene: Scene) -> None:
    """All that was bought is gone."""
    _, account = await scene.now()
    reference = f"spent {scene.account_id} {scene.clock.now()} {account.journal_version}"
    await journal.enter(scene.ledger(), scene.account_id, journal.Entry(-account.paid, "adjustment", reference))


async def test_a_payment_under_way_is_waited_for(scene: Scene) -> None:
    """It is neither charged again nor given up; once it is there, it counts."""
    await scene.agreed()
    scene.bank.state = provider.PROCESSING
    assert await scene.go_on() == top_up.AGAIN_S
    scene.clock.time_s += 3 * DAY_S
    assert await scene.go_on() == top_up.AGAIN_S
    (order,) = await scene.bought()
    scene.bank.set(order.number, state=provider.PAID)
    await finish(scene)
    assert (await scene.now())[1].paid == CREDITS
    assert len(scene.bank.asked) == 1


@pytest.mark.parametrize(
    ("why", "agreed", "settings"),
    [
        ("price_changed", {"amount": 49}, {}),
        ("price_changed", {"credits": CREDITS + 1}, {}),
        ("price_changed", {"currency": "eur"}, {}),
        ("pack_gone", {"pack": "small"}, {}),
        ("mode_changed", {"mode": "live"}, {}),
        ("signed_out", {"method": "jwt"}, {}),
        ("not_configured", {}, {"stripe_secret_key": ""}),
    ],
)
async def test_what_was_not_agreed_to_is_not_charged(
    scene: Scene, why: str, agreed: dict[str, Any], settings: dict[str, Any]
) -> None:
    """Another price, mode or pack than the user saw, or nobody to pay to: nothing is charged, and the user is told."""
    await scene.agreed(**agreed)
    assert await scene.go_on(**settings) == 0
    assert scene.bank.asked == []
    after, _ = await scene.now()
    assert (after.state, after.why) == (top_ups.OFF, why)
    assert [told["why"] for told in await scene.told(notices.TOP_UP_FAILED)] == [why]


async def test_a_price_that_fell_is_what_is_charged(scene: Scene) -> None:
    """As the pack is sold now, not as it was agreed to."""
    await scene.agreed(amount=100)
    assert await scene.go_on() == 0
    assert [payment.amount for payment in scene.bank.payments.values()] == [PACK.amount]


async def test_money_that_went_back_is_not_taken_again(scene: Scene) -> None:
    """A refund takes credits, so less is left than was agreed: that is no reason to charge the card."""
    await scene.agreed()
    assert await scene.go_on() == 0
    (order,) = await scene.bought()
    scene.bank.set(order.number, refunded=PACK.amount)
    connection = Connection("default", "stripe", "test", "sk_test_of_a_test", (), "")
    await synchronize(scene.ledger(), connection, order.number)
    assert await scene.go_on() == 0
    assert len(scene.bank.payments) == 1
    await off(scene, "money_back")


async def test_a_blocked_user_is_not_charged(scene: Scene) -> None:
    """Nobody pays for what is refused to them."""
    await scene.agreed()
    await block(scene)
    assert await scene.go_on() == 0
    assert scene.bank.asked == []
    await off(scene, "blocked")


async def block(scene: Scene) -> None:
    request = {"TableName": scene.ledger().table("accounts"), "Key": {"account_id": {"S": scene.account_id}}}
    blocked = {"UpdateExpression": "SET blocked = :b", "ExpressionAttributeValues": {":b": {"N": str(2**40)}}}
    await scene.ledger().write("UpdateItem", request | blocked)


async def test_what_is_forgotten_is_not_charged_any_more(scene: Scene) -> None:
    """Nor is an order that was placed before and not charged; and one that was, still counts."""
    await scene.agreed()
    scene.bank.dies = "before"
    with pytest.raises(Crash):
        await scene.go_on()
    assert (await agreements.forget(scene.ledger(), scene.account_id))["state"] == "none"
    assert not {"top_up", "topping"} & (await scene.now())[1].item.keys()
    scene.clock.time_s += 2 * charging.UNKNOWN_FOR_S
    await finish(scene)
    assert (len(scene.bank.asked), scene.bank.payments) == (1, {})
    (order,) = await scene.bought()
    assert (order.state, (await scene.now())[0].placed) == (provider.EXPIRED, "")
    assert await scene.told(notices.TOP_UP_FAILED) == []


async def test_what_was_charged_before_it_was_forgotten_counts(scene: Scene) -> None:
    """Though the provider does not know of it at once: for a while nobody says that it was not charged."""
    await scene.agreed()
    scene.bank.dies, scene.bank.slow = "after", True
    with pytest.raises(Crash):
        await scene.go_on()
    await agreements.forget(scene.ledger(), scene.account_id)
    assert await scene.go_on() == top_up.AGAIN_S
    scene.bank.slow = False
    await finish(scene)
    (order,) = await scene.bought()
    after, account = await scene.now()
    assert (order.state, account.paid, after.placed) == (provider.PAID, CREDITS, "")
    assert len(scene.bank.asked) == 1


async def test_two_that_top_up_at_once_charge_once(scene: Scene) -> None:
    """Several errands for one user, each in a process of its own."""
    await scene.agreed()
    await asyncio.gather(*(scene.go_on() for _ in range(6)))
    await finish(scene)
    await charged_once(scene)


async def test_a_card_that_is_saved_after_it_was_forgotten_is_not_kept(scene: Scene) -> None:
    """Of two setups the later one counts, in whichever order they are finished; of none that was forgotten any."""
    ledger = scene.ledger()
    agreed = await scene.agreed()
    await agreements.forget(ledger, scene.account_id)
    order = await orders.read(ledger, "default", "stripe", f"cs_{agreed.setup}")
    assert order
    await ledger.write("TransactWriteItems", {"TransactItems": top_ups.finished(ledger, order, CARD)})
    assert (await scene.now())[0].strays
    assert await scene.go_on() == 0
    after, account = await scene.now()
    assert (after.state, after.card, after.strays, "top_up" in account.item) == (top_ups.NONE, "", False, False)
    assert scene.bank.asked == []


@pytest.mark.parametrize(
    ("why", "differs"),
    [
        ("amount", {"amount": PACK.amount - 1}),
        ("currency", {"currency": "eur"}),
        ("mode", {"mode": "live"}),
    ],
)
async def test_money_that_fits_no_order_ends_it(scene: Scene, why: str, differs: dict[str, Any]) -> None:
    """What was charged is not what the order says: it is kept for people to look at, once, and nobody asks for ever."""
    await placed(scene, "after")
    (number,) = scene.bank.payments
    scene.bank.set(number, **differs)
    assert await scene.go_on() == 0
    await off(scene, "unmatched")
    (order,) = await scene.bought()
    assert (order.state, (await scene.now())[1].paid) == (provider.FAILED, 0)
    kept = [one for one in await unmatched.listed(scene.ledger(), "default") if one.about == "pi_0"]
    assert [(one.kind, one.why) for one in kept] == [("top_up", why)]
    await unmatched.drop(scene.ledger(), "default", "stripe", "pi_0")


async def placed(scene: Scene, dies: str) -> None:
    """A top-up whose process died: `unasked`, with its order placed alone; `before` or `after` it was charged."""
    await scene.agreed()
    scene.bank.dies = dies if dies != "unasked" else ""

    def before_asked(number: int, call: Call) -> Fault | None:
        return Fault.CRASH_BEFORE if call.is_write and charging.ASKED in str(call.request) else None

    with pytest.raises(Crash):
        await scene.go_on(before_asked if dies == "unasked" else never)


async def test_a_top_up_that_ends_leaves_no_order_undecided(scene: Scene) -> None:
    """No charge was asked for it: it is over with the top-up, and no reconciliation wonders about it."""
    await placed(scene, "unasked")
    assert await scene.go_on(stripe_secret_key="") == 0
    await off(scene, "not_configured")
    (order,) = await scene.bought()
    assert (order.state, order.history[-1][1], scene.bank.asked) == (provider.EXPIRED, "not_charged", [])


@pytest.mark.parametrize("dies", ["before", "after"])
async def test_what_may_have_been_charged_is_asked_about_after_it_ended(scene: Scene, dies: str) -> None:
    """While nobody can be asked it waits, with the user told already; then what was charged counts, once."""
    await placed(scene, dies)
    for key in ("", "sk_live_of_a_test"):
        assert await scene.go_on(stripe_secret_key=key) == top_up.AGAIN_S
    after, account = await scene.now()
    assert (after.state, after.why, after.card) == (top_ups.OFF, "not_configured", "")
    assert not {"top_up", "topping"} & account.item.keys()
    scene.clock.time_s += charging.UNKNOWN_FOR_S
    assert await scene.go_on() == 0
    (order,) = await scene.bought()
    found = (order.state, (await scene.now())[1].paid, (await scene.now())[0].placed)
    assert found == ((provider.PAID, CREDITS, "") if dies == "after" else (provider.EXPIRED, 0, ""))
    assert len(scene.bank.asked) == 1
    assert len(await scene.told(notices.TOP_UP_FAILED)) == 1


async def test_what_nobody_can_be_asked_about_is_over_after_a_day(scene: Scene) -> None:
    """Its project sells no more: it is not tried for ever."""
    await placed(scene, "before")
    assert await scene.go_on(stripe_secret_key="") == top_up.AGAIN_S
    scene.clock.time_s += charging.UNREACHED_FOR_S
    assert await scene.go_on(stripe_secret_key="") == 0
    (order,) = await scene.bought()
    assert (order.state, (await scene.now())[0].placed) == (provider.EXPIRED, "")


@pytest.mark.parametrize("dies", ["unasked", "before", "after"])
async def test_before_it_is_charged_again_it_is_judged_again(scene: Scene, dies: str) -> None:
    """Hours later the user is blocked: nothing is charged any more; what was charged by then is found and counts."""
    await placed(scene, dies)
    await block(scene)
    scene.clock.time_s += 2 * charging.UNKNOWN_FOR_S
    assert await scene.go_on() == 0
    (order,) = await scene.bought()
    assert len(scene.bank.asked) == (dies != "unasked")
    assert order.state == (provider.PAID if dies == "after" else provider.EXPIRED)
    assert (await scene.now())[1].paid == (CREDITS if dies == "after" else 0)
    assert len(scene.bank.payments) == (dies == "after")
    if dies != "after":
        await off(scene, "blocked")


@pytest.mark.parametrize("dies", ["unasked", "before"])
async def test_who_bought_by_hand_meanwhile_is_not_charged(scene: Scene, dies: str) -> None:
    """Enough is left again: the order is over, nobody is told of a failure, and the next one is made when it is low."""
    await placed(scene, dies)
    bought = journal.Entry(2 * BELOW, "adjustment", f"by hand {dies} {scene.account_id}")
    await journal.enter(scene.ledger(), scene.account_id, bought)
    if dies == "before":
        assert await scene.go_on() == top_up.AGAIN_S
        scene.clock.time_s += charging.UNKNOWN_FOR_S
    assert await scene.go_on() == 0
    (order,) = await scene.bought()
    after, account = await scene.now()
    assert (order.state, order.history[-1][1], scene.bank.payments) == (provider.EXPIRED, "not_needed", {})
    assert (after.state, after.placed, "topping" in account.item) == (top_ups.ON, "", False)
    assert await scene.told(notices.TOP_UP_FAILED) == []
    await spend(scene)
    assert await scene.go_on() == 0
    assert len(scene.bank.payments) == 1
