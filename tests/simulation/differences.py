"""Where MiniStack and DynamoDB Local are known to differ from DynamoDB, and why; any other difference is news.

MiniStack takes much that DynamoDB refuses, which is why the simulator does not run on it. DynamoDB Local is the
authority but for what AWS documents otherwise.
"""

import re
from dataclasses import dataclass

from functions.ledger.store import Item
from tests.simulation.cases import Case
from tests.simulation.recorded import NAMED

MINISTACK, DYNAMODB_LOCAL = "MiniStack", "DynamoDB Local"
ACCEPTED = "^(ok|Refused)"


@dataclass(frozen=True, slots=True)
class Known:
    """A difference of one peer: what each side says and what was asked, as regular expressions."""

    peer: str
    why: str
    ours: str = ""
    theirs: str = ""
    asked: str = ""

    def explains(self, peer: str, case: Case, ours: Item, theirs: Item) -> bool:
        return (
            peer == self.peer
            and re.search(self.ours, said(ours)) is not None
            and re.search(self.theirs, said(theirs)) is not None
            and re.search(self.asked, f"{case.operation} {case.name}") is not None
        )


def said(result: Item) -> str:
    """An outcome in a line: its kind, and an error's words."""
    return f"{result['kind']} {result.get('message', '')}"


def why(peer: str, case: Case, ours: Item, theirs: Item) -> str:
    """Why a difference is there; "" where it is news, as every difference of the ledger's own calls is."""
    if case.name.startswith(NAMED):
        return ""
    return next((known.why for known in KNOWN if known.explains(peer, case, ours, theirs)), "")


_LENIENT = {
    "judges a condition's operands when it evaluates them, if at all": (
        "Invalid ConditionExpression: (Incorrect operand type|The first operand must be|Invalid attribute type name)"
    ),
    "makes what is missing below an ADD, passes over it in REMOVE and DELETE": "document path provided in the update",
    "takes a text for a number, a number for a list, in SET": "operand in the update expression has an incorrect",
    "does not judge the types of an update's literals": "Invalid UpdateExpression: Incorrect operand type",
    "passes over what it cannot read": "Invalid (Update|Condition)Expression: Syntax error",
    "rounds sums to 38 digits": "more than 38 significant digits",
    "does not compare all paths of an update": "Two document paths (overlap|conflict)",
    "lets if_not_exists begin with any operand": "requires a document path; operator or function: if_not_exists",
    "takes a section twice": "section can only be used once",
    "does not check placeholders' names": "ExpressionAttributeNames contains invalid",
    "takes IN with more than 100 operands": "The IN operator takes at most",
    "takes an empty projection": "Invalid ProjectionExpression: The expression can not be empty",
    "judges key conditions loosely": "KeyConditionExpression|Query (key )?condition|Condition parameter type",
    "filters by key attributes": "Filter Expression can only contain non-primary key attributes",
    "does not know `size` for a reserved word": "reserved keyword: size",
    "takes empty names": "Empty attribute name",
    "does not judge parts of a transaction as closely": "Transaction|The provided key element does not match",
}

KNOWN = (
    *(Known(MINISTACK, reason, ours, ACCEPTED) for reason, ours in _LENIENT.items()),
    Known(
        MINISTACK, "refuses begins_with on what is no text", "^(ok|Refused)", "Incorrect operand type", "begins_with"
    ),
    Known(MINISTACK, "cannot read operands in parentheses", "^(ok|Refused)", "Syntax error", r"[(:]\w+\)"),
    Known(MINISTACK, "cannot read contains with a literal first", "^(ok|Refused)", "Expected COMMA", r"contains\(:"),
    Known(MINISTACK, "takes lists' indexes as they are after other actions", "^ok", "^ok", r"\[\d+\]"),
    Known(MINISTACK, "gives a size to numbers, flags and nulls", "^(ok|Refused)", "", r"size\("),
    Known(
        MINISTACK, "compares texts, bytes and numbers in sets as they were written", "^(ok|Refused)", "", r"contains\("
    ),
    Known(
        MINISTACK,
        "compares texts, bytes and numbers in sets as they were written",
        "^(ok|Refused)",
        "",
        r"\bNS\b|\bBS\b",
    ),
    Known(MINISTACK, "does not take a zero with a large exponent", "^ok", "Number overflow", "0E500"),
    Known(MINISTACK, "keeps 28 digits of a sum", "^ok", "^ok", r"9{38}|1{38}|E20|E37|E87"),
    Known(MINISTACK, "answers UPDATED_* with the changed part of a map, not the whole", "^ok", "^ok", "UPDATED_"),
    Known(MINISTACK, "knows numbers in keys by their spelling", "^ok", "^ok", "^GetItem get 1"),
    Known(
        MINISTACK,
        "takes two absent attributes for equal",
        "",
        "",
        r"ConditionExpression': '[^']*(\bIN\b|(=|<>) #?[a-z])",
    ),
    Known(MINISTACK, "spells sums with an exponent", "^ok", "cannot be converted", ""),
    Known(MINISTACK, "judges a transaction's parts in another order", "", "", "^TransactWriteItems"),
    Known(
        DYNAMODB_LOCAL,
        "does not know `size` and `convert` for reserved words",
        "reserved keyword: (size|convert)",
        "",
        "",
    ),
    Known(
        DYNAMODB_LOCAL,
        "refuses a transaction at its first fault; AWS documents a reason for each part",
        "",
        "ValidationException|condition not met",
        "^TransactWriteItems",
    ),
)
