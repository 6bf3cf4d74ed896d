"""What DynamoDB's expressions are made of: their trees, and the reader of their tokens."""

import re
from dataclasses import dataclass
from typing import TypeVar

from tests.simulation.values import Invalid

T = TypeVar("T")

_token = re.compile(
    r"\s*(?:(?P<word>[A-Za-z][A-Za-z0-9_]*)|(?P<name>#[A-Za-z0-9_]+)|(?P<value>:[A-Za-z0-9_]+)"
    r"|(?P<index>0|[1-9][0-9]*)|(?P<sign><>|<=|>=|[=<>()\[\],.+-]))"
)


@dataclass(frozen=True, slots=True)
class Path:
    """A document path: names (`#n` where a placeholder stands for one) and list indexes."""

    elements: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Value:
    """A placeholder such as `:p`."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function of operands; in conditions, `size` is one and all others are tests."""

    name: str
    operands: tuple["Operand", ...]


@dataclass(frozen=True, slots=True)
class Sum:
    """`left + right`, or with sign -1 `left - right`."""

    left: "Operand"
    right: "Operand"
    sign: int


Operand = Path | Value | Call | Sum


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison, BETWEEN or IN: `operator` applied to operands."""

    operator: str
    operands: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Logic:
    """AND, OR or NOT of conditions."""

    operator: str
    parts: tuple["Condition", ...]


Condition = Comparison | Call | Logic


@dataclass(frozen=True, slots=True)
class Action:
    """One action of an update: a section, the path it changes, and what with (nothing for REMOVE)."""

    section: str
    path: Path
    operand: Operand | None


class Reader:
    """The tokens of an expression, and where reading stands."""

    def __init__(self, text: str) -> None:
        if not text:
            raise Invalid("The expression can not be empty;")
        self.tokens: list[tuple[str, str]] = []
        self.place = position = 0
        end = len(text.rstrip())
        while position < end:
            match = _token.match(text, position)
            if match is None or match.lastgroup is None:
                raise Invalid(f'Syntax error; token: "{text[position:].lstrip()[:1]}"')
            self.tokens.append((match.lastgroup, match[match.lastgroup]))
            position = match.end()

    def at_end(self) -> bool:
        return self.place == len(self.tokens)

    def peek(self, ahead: int = 0) -> tuple[str, str]:
        place = self.place + ahead
        return self.tokens[place] if place < len(self.tokens) else ("end", "<EOF>")

    def take(self, kind: str) -> str | None:
        """The next token's text if it is of this kind; then reading goes on behind it."""
        found, text = self.peek()
        if found != kind:
            return None
        self.place += 1
        return text

    def sign(self, *signs: str) -> str | None:
        kind, text = self.peek()
        return self.take("sign") if kind == "sign" and text in signs else None

    def keyword_if(self, *words: str) -> str | None:
        kind, text = self.peek()
        if kind == "word" and text.upper() in words:
            self.place += 1
            return text.upper()
        return None

    def keyword(self, *words: str) -> str:
        return self.keyword_if(*words) or self.fail()

    def need(self, sign: str) -> None:
        if not self.sign(sign):
            self.fail()

    def fail(self) -> str:
        raise Invalid(f'Syntax error; token: "{self.peek()[1]}"')

    def ended(self, tree: T) -> T:
        if not self.at_end():
            self.fail()
        return tree
