"""Names for new things: time-ordered where order matters, random where guessing must fail."""

from functions.ledger.store import Ledger

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: sorts as the numbers do, no look-alikes
TIME_DIGITS = 9  # 45 bits of milliseconds: until the year 3084
RANDOM_DIGITS = 9  # 45 bits: two requests of one account in one millisecond do not meet
PROJECT_DIGITS = 12  # 60 bits


def time_ordered(ledger: Ledger, after: str = "", by_ms: int = 1) -> str:
    """An id of 18 characters, of a hold and of its receipt: sorts by when it was made, and `by_ms` after `after`."""
    milliseconds = int(ledger.clock.now() * 1000)
    if after:  # made by a process whose clock may be ahead
        milliseconds = max(milliseconds, _number(after[:TIME_DIGITS]) + by_ms)
    chance = int.from_bytes(ledger.random(6)) & (1 << 5 * RANDOM_DIGITS) - 1
    return _digits(milliseconds, TIME_DIGITS) + _digits(chance, RANDOM_DIGITS)


def first_at(seconds: float) -> str:
    """The smallest id made at or after a time: where a page of receipts begins."""
    return _digits(int(seconds * 1000), TIME_DIGITS)


def made_at(identifier: str) -> int:
    """When a time-ordered id was made, in whole seconds since 1970."""
    milliseconds = 0
    for digit in identifier[:TIME_DIGITS]:
        milliseconds = milliseconds << 5 | ALPHABET.index(digit)
    return milliseconds // 1000


def account_number(ledger: Ledger) -> int:
    """A random number of 12 digits: what people see as the user's id."""
    return 10**11 + int.from_bytes(ledger.random(8)) % (9 * 10**11)


def project_id(ledger: Ledger) -> str:
    """A random name of 12 characters: of a project, in the ids of its users, and in the addresses of its pages."""
    return _digits(int.from_bytes(ledger.random(8)), PROJECT_DIGITS)


def _number(digits: str) -> int:
    number = 0
    for digit in digits:
        number = number << 5 | ALPHABET.index(digit)
    return number


def _digits(number: int, count: int) -> str:
    return "".join(ALPHABET[number >> 5 * place & 31] for place in range(count - 1, -1, -1))
