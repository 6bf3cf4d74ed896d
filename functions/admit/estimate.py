"""How much to hold: from what a request can come to, in tokens, to what it asks of its account."""

from functions.admit.rules import Rules
from functions.forward.llama import Prepared
from functions.ledger.admit import Ask
from functions.money import Price, Usage

FLOOR_OUTPUT_TOKENS = 256
"""An answer shorter than this is of little use: a hold is not made smaller to leave room for others."""


def ask(prepared: Prepared, rules: Rules, version: int, expires: int) -> Ask:
    """What a request wants of its account; amounts in microcredits, `expires` in seconds since 1970."""

    def cost(tokens_in: int, tokens_out: int) -> int:
        return rules.price.cost(Usage(tokens_in, tokens_out))

    return Ask(
        least=cost(prepared.input_estimate, 1),
        floor=cost(prepared.input_bound, min(prepared.output_limit, FLOOR_OUTPUT_TOKENS)),
        upper=cost(prepared.input_bound, prepared.output_limit),
        limits=rules.account_limits,
        open_max=rules.open_max,
        credentials_version=version,
        expires=expires,
    )


def affordable_output(prepared: Prepared, price: Price, hold: int) -> int:
    """The output limit to send upstream, in tokens: what a hold (microcredits) covers beside the input; at least 1.

    The input is taken at its bound; where the hold does not even cover that, at its estimate.
    """
    if price.output == 0:
        return prepared.output_limit
    left = hold - price.cost(Usage(prepared.input_bound))
    if left < price.output:
        left = hold - price.cost(Usage(prepared.input_estimate))
    return max(1, min(prepared.output_limit, left // price.output))
