"""How much to hold: from what a request can come to, in tokens, to what it asks of its account."""

from functions.admit.rules import Rules
from functions.errors import InputTooLarge
from functions.forward.llama import Prepared
from functions.ledger.admit import Ask
from functions.money import Price, Usage

FLOOR_OUTPUT_TOKENS = 256
"""An answer shorter than this is of little use: a hold is not made smaller to leave room for others."""


def output_bound(prepared: Prepared, rules: Rules) -> int:
    """The most tokens of output the rules let a request have: its own limit, or theirs where that is less.

    Raises InputTooLarge where its input, as estimated, is larger than they allow. The model's own count is known only
    when the input has been paid for; where that is larger, the receipt says `input_above_limit`.
    """
    if rules.input_max is not None and prepared.input_estimate > rules.input_max:
        raise InputTooLarge(
            f"The input is about {prepared.input_estimate} tokens (one for four bytes); "
            f"at most {rules.input_max} are allowed in a request.",
            param=prepared.content,
        )
    return prepared.output_limit if rules.output_max is None else min(prepared.output_limit, rules.output_max)


def ask(prepared: Prepared, rules: Rules, price: Price, version: int, expires: int) -> Ask:
    """What a request wants of its account; amounts in microcredits, `expires` in seconds since 1970.

    Raises InputTooLarge.
    """
    output_max = output_bound(prepared, rules)

    def cost(tokens_in: int, tokens_out: int) -> int:
        return price.cost(Usage(tokens_in, tokens_out))

    return Ask(
        least=cost(prepared.input_estimate, 1),
        floor=cost(prepared.input_bound, min(output_max, FLOOR_OUTPUT_TOKENS)),
        upper=cost(prepared.input_bound, output_max),
        limits=rules.account_limits,
        open_max=rules.open_max,
        credentials_version=version,
        expires=expires,
        output_max=output_max,
    )


def affordable_output(prepared: Prepared, price: Price, output_max: int, credits: int) -> int:
    """The output limit to send upstream, in tokens: what microcredits cover beside the input; at least 1.

    The input is taken at its bound; where the credits do not even cover that, at its estimate.
    """
    if price.output == 0:
        return output_max
    left = credits - price.cost(Usage(prepared.input_bound))
    if left < price.output:
        left = credits - price.cost(Usage(prepared.input_estimate))
    return max(1, min(output_max, left // price.output))
