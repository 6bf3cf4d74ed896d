"""What requests cost and how many there may be: the rules and limits of the built-in project."""

from dataclasses import dataclass

from functions.ledger.windows import Limit
from functions.money import Price
from functions.settings import Settings


@dataclass(frozen=True, slots=True)
class Rules:
    """The price of tokens, and the limits of an account and of a client's address."""

    price: Price
    account_limits: tuple[Limit, ...]
    address_limits: tuple[Limit, ...]
    open_max: int


def of(settings: Settings) -> Rules:
    """The rules that the settings give to the project `default`."""
    price = Price(
        version=f"default/{settings.credits_per_1m_input_tokens}"
        f"/{settings.credits_per_1m_output_tokens}/{settings.credits_per_1m_cached_tokens}",
        input=settings.credits_per_1m_input_tokens,
        output=settings.credits_per_1m_output_tokens,
        cached=settings.credits_per_1m_cached_tokens,
    )
    return Rules(
        price,
        (Limit("m", settings.inference_user_rate_limit, "requests a minute for one account"),),
        (Limit("m", settings.inference_ip_rate_limit, "requests a minute from one address"),),
        settings.open_requests_per_user,
    )
