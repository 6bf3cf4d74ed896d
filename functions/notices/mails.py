"""Mails to users, in plain text: receipts, what was taken back, credits that run low."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from functions import money
from functions.currencies import shown as price
from functions.ledger.account import Account
from functions.ledger.notices import Notice

ELSEWHERE = "$FAREBOX_URL"
"""On AWS only an event tells where we are, and errands have none."""
FOOTER = "Your balance and your orders: {base_url}/account (with your key in the Authorization header).\n"
TOP_UP = """\
To top up, with your key:

    curl {base_url}/checkout -H "Authorization: Bearer $FAREBOX_KEY" \\
      -H "Content-Type: application/json" -d '{{"pack": "starter"}}'

The answer has the address of a page to pay at. Packs: starter, standard, pro.
"""


def compose(notice: Notice, account: Account, base_url: str, now_s: float) -> tuple[str, str] | None:
    """Subject and text; None where nothing of this kind is mailed. `base_url` is "" where it is not known."""
    write = KINDS.get(notice.kind)
    if write is None:
        return None
    subject, lines = write(_Words(notice, account, base_url, now_s))
    footer = FOOTER.format(base_url=base_url or ELSEWHERE)
    return subject, "\n".join(("Hello,", "", *lines, "", footer))


class _Words:
    """What a mail tells, as text."""

    def __init__(self, notice: Notice, account: Account, base_url: str, now_s: float) -> None:
        self.about, self.account, self.now_s = notice.about, account, now_s
        self.happened = datetime.fromtimestamp(notice.created, UTC).strftime("%-d %B %Y, %H:%M UTC")
        self.top_up = TOP_UP.format(base_url=base_url or ELSEWHERE)

    def text(self, name: str) -> str:
        return str(self.about.get(name, ""))

    def number(self, name: str) -> int:
        return int(self.about.get(name, 0))

    def price(self, name: str) -> str:
        return price(self.number(name), self.text("currency"))

    def credits(self, name: str) -> str:
        return grouped(self.number(name))

    def bill(self, what: str = "date") -> list[str]:
        """The lines of an order, and when `what` happened to it."""
        test = ["    test mode    no money was moved"] if self.text("mode") == "test" else []
        return [
            f"    order        {self.text('order')}",
            f"    {what:<13}{self.happened}",
            f"    pack         {self.text('pack')}",
            f"    price        {self.price('amount')}",
            f"    paid with    {self.text('connection').title()}",
            *test,
        ]

    def balance(self) -> list[str]:
        """What there is now, and what is owed."""
        return [f"You have {grouped(self.account.available(self.now_s))} credits now.", *self.owed()]

    def owed(self) -> list[str]:
        """What was spent before it was taken back, where there is such."""
        owed = grouped(self.account.debt)
        said = f"You owe {owed} credits, which were spent before; your next purchase pays them first."
        return [said] if self.account.debt else []


Mail = tuple[str, list[str]]


def _purchase(words: _Words) -> Mail:
    credits = words.credits("credits")
    return f"Receipt: {credits} credits", [
        "thank you for your purchase. This is its receipt.",
        "",
        *words.bill(),
        f"    credits      {credits}",
        "",
        *words.balance(),
    ]


def _refund(words: _Words) -> Mail:
    return f"Refund of order {words.text('order')}", [
        f"money was refunded to you, and {words.credits('credits')} credits were taken back for it.",
        f"Of this payment {words.price('refunded')} is refunded by now, in all.",
        "",
        *words.bill("refunded"),
        "",
        *words.balance(),
    ]


def _refund_failed(words: _Words) -> Mail:
    return f"A refund failed: order {words.text('order')}", [
        f"a refund of your payment did not reach you. The {words.credits('credits')} credits that had been taken",
        "back for it are yours again.",
        "",
        *words.bill("failed"),
        "",
        *words.balance(),
    ]


def _dispute(words: _Words) -> Mail:
    return f"Your payment is disputed: order {words.text('order')}", [
        f"your bank was asked to take back a payment to us. {words.credits('credits')} credits were taken back",
        "until that is decided. If it was not you who asked, please tell your bank.",
        "",
        *words.bill("disputed"),
        "",
        *words.balance(),
    ]


def _dispute_won(words: _Words) -> Mail:
    return f"The dispute has ended: order {words.text('order')}", [
        f"your payment stays with us, and the {words.credits('credits')} credits are yours again.",
        "",
        *words.bill("decided"),
        "",
        *words.balance(),
    ]


def _dispute_lost(words: _Words) -> Mail:
    return f"The dispute has ended: order {words.text('order')}", [
        "your bank has taken your payment back, so its credits stay taken back as well.",
        "",
        *words.bill("decided"),
        "",
        *words.balance(),
    ]


def _credits_low(words: _Words) -> Mail:
    level = words.number("level")
    if level == 0:
        return "Your credits are used up", [
            "you have no credits left. Requests are refused from now on.",
            *words.owed(),
            "",
            words.top_up,
        ]
    return f"{level} % of your credits are left", [
        f"you have {words.credits('left')} credits left, which is {level} % or less of the {words.credits('full')}",
        "that you had when credits last came in.",
        *words.owed(),
        "",
        words.top_up,
    ]


WHY: Mapping[str, str] = {
    "declined": "your card was declined",
    "not_charged": "your card could not be charged in time",
    "unmatched": "what was charged is not what was ordered; somebody looks at it",
    "price_changed": "the pack costs more, or brings less, than you agreed to",
    "pack_gone": "the pack is not sold any more",
    "money_back": "a payment of yours was refunded or disputed",
    "blocked": "your account is blocked",
}
"""Why a top-up was ended, for its user."""


def _top_up_failed(words: _Words) -> Mail:
    why = WHY.get(words.text("why"), "payments have changed here since you agreed")
    return "Your automatic top-up is off", [
        "your credits ran low, and the purchase that you had agreed to for this case was not made:",
        f"{why}. No more will be bought by itself until you agree again.",
        "",
        words.top_up,
    ]


KINDS: Mapping[str, Callable[[_Words], Mail]] = {
    "purchase": _purchase,
    "refund": _refund,
    "refund_failed": _refund_failed,
    "dispute": _dispute,
    "dispute_won": _dispute_won,
    "dispute_lost": _dispute_lost,
    "credits_low": _credits_low,
    "top_up_failed": _top_up_failed,
}
"""What is mailed."""


def grouped(microcredits: int) -> str:
    """Credits as text: 5,000,000."""
    whole, point, rest = money.shown(microcredits).partition(".")
    return f"{int(whole):,}{point}{rest}"
