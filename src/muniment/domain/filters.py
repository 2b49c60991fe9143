"""The search language: text in, the tree of `muniment.domain.query` out.

    filter     = [ any ]
    any        = all { OR all }
    all        = one { AND one }
    one        = NOT one | "(" any ")" | comparison
    comparison = field ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) value
               | field [ NOT ] ( LIKE | ILIKE ) string
               | field [ NOT ] IN "(" value { "," value } ")"
    field      = [ scope "." ] ( [ "attribute." | "attributes." ] attribute | namespace "." key )
    scope      = "model" | "version"
    attribute  = a name in MODEL_ATTRIBUTES or VERSION_ATTRIBUTES
    namespace  = "tag" | "tags" | "param" | "params" | "metric" | "metrics"
    key        = part { "." part }
    part       = letters, digits and _ - / : | "`" text "`" | '"' text '"'
    value      = string | number | TRUE | FALSE
    string     = "'" text "'" | '"' text '"'           a quote in the text is doubled
    number     = an integer of 64 bits or a double: 3, -3, 0.5, .5, 1e-3

    order key  = field [ ASC | DESC ]

Keywords are case-insensitive, fields are not. `a NOT IN (…)` and `a NOT LIKE …` mean
`NOT a IN (…)` and `NOT a LIKE …`. docs/search.md is the same for users, with examples.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from muniment.domain.fields import check_sortable, find_field
from muniment.domain.names import MAX_FILTER_CHARS
from muniment.domain.query import (
    And,
    Comparison,
    Expression,
    Field,
    FieldType,
    InSet,
    Literal,
    Namespace,
    Not,
    Op,
    Or,
    OrderBy,
    Target,
)
from muniment.domain.values import time_from_json
from muniment.errors import InvalidFilter, InvalidInput, LimitExceeded

MAX_DEPTH: Final = 50
MAX_COMPARISONS: Final = 200
MAX_IN_VALUES: Final = 1_000
MAX_ORDER_KEYS: Final = 5

_TOKEN = re.compile(
    r"""
    (?P<number>   [+-]? (?: [0-9]+ (?:\.[0-9]+)? | \.[0-9]+ ) (?:[eE][+-]?[0-9]+)? (?![\w.]) )
  | (?P<string>   ' (?: [^'] | '' )*+ ' | " (?: [^"] | "" )*+ " )
  | (?P<operator> [=<>!]+ )
  | (?P<mark>     [(),] )
  | (?P<word>     [^\W\d] [\w/:-]* (?: \. (?: [\w/:-]+ | `[^`]+` | "[^"]+" ) )* )
  | (?P<end>      \Z )
    """,
    re.VERBOSE,
)
_SPACE = re.compile(r"\s*")
_PART = re.compile(r"`([^`]+)`|\"([^\"]+)\"|([^.]+)")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_KEYWORDS = frozenset({"AND", "OR", "NOT", "IN", "LIKE", "ILIKE", "TRUE", "FALSE"})

_OPERATORS = {op.value: op for op in Op}
_PATTERNS = (Op.LIKE, Op.ILIKE)
_COMPARED_WITH: dict[FieldType, tuple[str, tuple[type, ...]]] = {
    FieldType.STRING: ("text in quotes", (str,)),
    FieldType.INTEGER: ("a number", (int, float)),
    FieldType.NUMBER: ("a number", (int, float)),
    FieldType.TIME: ("a time such as '2026-11-21' or '2026-11-21T11:33:00Z'", (str,)),
    FieldType.DYNAMIC: ("text in quotes, a number, true or false", (str, int, float, bool)),
}


def parse_filter(text: str, target: Target) -> Expression | None:
    """Return the tree that `text` stands for in a search for `target`; None if it is blank.

    >>> parse_filter("stage = 'Production'", Target.VERSIONS).value
    'Production'

    Raises:
        InvalidFilter: `details["column"]` (from 1) says where it goes wrong, and
            `details["pointer"]` shows it: the text, and a caret below that column.
        LimitExceeded: the text is longer than `MAX_FILTER_CHARS`.
    """
    parser = _Parser(text, target)
    if parser.token.kind == "end":
        return None
    expression = parser.any()
    parser.expect_end("AND, OR or the end")
    return expression


def parse_order(keys: Sequence[str], target: Target) -> tuple[OrderBy, ...]:
    """Return the sort keys that are written like `name`, `updated_at DESC`, `metrics.auc desc`.

    Models and versions are ordered by their own attributes, versions also by metrics.

    Raises:
        InvalidFilter: as `parse_filter`; the column is counted in the key that is wrong.
        LimitExceeded: a key is longer than `MAX_FILTER_CHARS`.
    """
    order: list[OrderBy] = []
    for text in keys:
        parser = _Parser(text, target)
        by = parser.order_by()
        if len(order) == MAX_ORDER_KEYS:
            limit = f"at most {MAX_ORDER_KEYS} may stand"
            raise parser.error(0, f"{text!r:.80} is one order key too many; {limit}.")
        if any(by.field == earlier.field for earlier in order):
            raise parser.error(0, f"{text!r:.80} orders by a field that an earlier key orders by.")
        order.append(by)
    return tuple(order)


@dataclass(frozen=True, slots=True)
class _Token:
    """A piece of the text; `at` is its offset, from 0."""

    kind: str
    text: str
    at: int

    def __str__(self) -> str:
        return "the end" if self.kind == "end" else f"{self.text!r:.60}"

    @property
    def symbol(self) -> str:
        """The keyword (in upper case), operator or mark that this is, or ""."""
        if self.kind == "word":
            upper = self.text.upper()
            return upper if upper in _KEYWORDS else ""
        return self.text if self.kind in ("operator", "mark") else ""


class _Parser:
    """Recursive descent. `token` is the next one; it is checked before it is taken."""

    def __init__(self, text: str, target: Target) -> None:
        if len(text) > MAX_FILTER_CHARS:
            raise LimitExceeded(
                f"The filter has {len(text)} characters; at most {MAX_FILTER_CHARS} are allowed.",
                details={"limit": MAX_FILTER_CHARS, "field": "filter"},
            )
        self.text = text
        self.target = target
        self.depth = 0
        self.comparisons = 0
        if bad := _UNSTORABLE.search(text):
            raise self.error(bad.start(), f"The character {bad.group()!r} can't stand in a filter.")
        self.token = self.scan(0)

    # -- tokens ----------------------------------------------------------------------------------

    def scan(self, start: int) -> _Token:
        """Return the token behind the white space at `start`."""
        space = _SPACE.match(self.text, start)
        at = space.end() if space else start
        match = _TOKEN.match(self.text, at)
        if match is None:
            raise self.unreadable(at)
        kind = match.lastgroup or ""
        return _Token(kind, match.group(), start if kind == "end" else at)

    def take(self) -> _Token:
        """Return the next token and go on behind it."""
        token = self.token
        self.token = self.scan(token.at + len(token.text))
        return token

    def accept(self, symbol: str) -> bool:
        """Take the next token if it is this symbol; say whether."""
        found = self.token.symbol == symbol
        if found:
            self.take()
        return found

    def expect(self, symbol: str, wanted: str) -> None:
        if not self.accept(symbol):
            raise self.expected(wanted)

    def expect_end(self, wanted: str) -> None:
        if self.token.kind != "end":
            raise self.expected(wanted)

    # -- grammar ---------------------------------------------------------------------------------

    def any(self) -> Expression:
        parts = [self.all()]
        while self.accept("OR"):
            parts.append(self.all())
        return Or(tuple(parts)) if len(parts) > 1 else parts[0]

    def all(self) -> Expression:
        parts = [self.one()]
        while self.accept("AND"):
            parts.append(self.one())
        return And(tuple(parts)) if len(parts) > 1 else parts[0]

    def one(self) -> Expression:
        if self.token.symbol not in ("NOT", "("):
            return self.comparison()
        if self.depth == MAX_DEPTH:
            raise self.error(self.token.at, f"The filter is nested more than {MAX_DEPTH} deep.")
        self.depth += 1
        if self.accept("NOT"):
            expression: Expression = Not(self.one())
        else:
            self.take()
            expression = self.any()
            self.expect(")", "AND, OR or ')'")
        self.depth -= 1
        return expression

    def comparison(self) -> Expression:
        if self.comparisons == MAX_COMPARISONS:
            raise self.error(
                self.token.at, f"The filter has more than {MAX_COMPARISONS} comparisons."
            )
        self.comparisons += 1
        field = self.field()
        negated = self.accept("NOT")
        expression: Expression
        if self.accept("IN"):
            expression = InSet(field, self.values(field))
        else:
            op = self.operator(field, _PATTERNS if negated else tuple(Op))
            expression = Comparison(field, op, self.value(field, op))
        return Not(expression) if negated else expression

    def operator(self, field: Field, allowed: tuple[Op, ...]) -> Op:
        op = _OPERATORS.get(self.token.symbol)
        if op is None or op not in allowed:
            raise self.expected(f"{', '.join(allowed)} or IN")
        if op in _PATTERNS and field.type not in (FieldType.STRING, FieldType.DYNAMIC):
            kind = "a time" if field.type is FieldType.TIME else "a number"
            raise self.error(
                self.token.at, f"{op} compares text, but {field.name!r:.80} is {kind}."
            )
        self.take()
        return op

    def values(self, field: Field) -> tuple[Literal, ...]:
        self.expect("(", "'(' and a list of values")
        values = [self.value(field, Op.EQ)]
        while self.accept(","):
            if len(values) == MAX_IN_VALUES:
                raise self.error(self.token.at, f"IN has more than {MAX_IN_VALUES} values.")
            values.append(self.value(field, Op.EQ))
        self.expect(")", "',' or ')'")
        return tuple(values)

    def value(self, field: Field, op: Op) -> Literal:
        """Take a literal that fits the field and the operator, in the form that is compared."""
        kind = FieldType.STRING if op in _PATTERNS else field.type
        wanted, types = _COMPARED_WITH[kind]
        value: Literal = self.literal(wanted)
        if type(value) not in types:
            raise self.expected(wanted)
        if isinstance(value, bool) and op not in (Op.EQ, Op.NE):
            raise self.expected(f"text in quotes or a number after {op}")
        if isinstance(value, str) and field.namespace is Namespace.ATTRIBUTE:
            value = self.canonical(field, value)
        elif isinstance(value, int) and field.type is FieldType.NUMBER:
            value = float(value)
        self.take()
        return value

    def literal(self, wanted: str) -> str | int | float | bool:
        """Return the value of the next token, without taking it."""
        token = self.token
        match token.kind:
            case "string":
                quote = token.text[0]
                return token.text[1:-1].replace(quote * 2, quote)
            case "number":
                return self.number(token)
            case "word" if token.symbol in ("TRUE", "FALSE"):
                return token.symbol == "TRUE"
            case "word" if not token.symbol:
                raise self.expected(wanted, f"Put text in quotes: '{token.text:.60}'.")
        raise self.expected(wanted)

    def number(self, token: _Token) -> int | float:
        if not token.text.lstrip("+-").isdecimal():
            number = float(token.text)
            if not math.isfinite(number):
                raise self.error(token.at, f"{token} does not fit into a double.")
            return number
        with suppress(ValueError):  # int() refuses more than some thousand digits
            integer = int(token.text)
            if -(2**63) <= integer < 2**63:
                return integer
        raise self.error(token.at, f"{token} does not fit into 64 bits.")

    def canonical(self, field: Field, text: str) -> Literal:
        """Return what a text stands for as the value of an attribute."""
        if field.type is FieldType.TIME:
            with self.located(self.token):
                return time_from_json(text)
        if field.name == "status":
            return text.upper()
        if field.name == "digest":
            return text.removeprefix("sha256:")
        return text

    def order_by(self) -> OrderBy:
        """Take a whole order key."""
        token = self.token
        field = self.field()
        with self.located(token):
            check_sortable(field, self.target)
        direction = self.token.text.upper()
        if direction in ("ASC", "DESC"):
            self.take()
        self.expect_end("ASC, DESC or the end")
        return OrderBy(field, descending=direction == "DESC")

    def field(self) -> Field:
        if self.token.kind != "word" or self.token.symbol:
            raise self.expected("a field such as name, stage or tags.team")
        parts = [a or b or c for a, b, c in _PART.findall(self.token.text)]
        with self.located(self.token):
            field = find_field(parts, self.target)
        self.take()
        return field

    # -- errors ----------------------------------------------------------------------------------

    @contextmanager
    def located(self, token: _Token) -> Iterator[None]:
        """Say of errors inside that they are at `token`."""
        try:
            yield
        except InvalidInput as error:
            raise self.error(token.at, error.message, error.hint) from None

    def error(self, at: int, message: str, hint: str = "") -> InvalidFilter:
        return InvalidFilter(
            f"Column {at + 1}: {message}",
            hint=hint,
            details={"column": at + 1, "pointer": _pointer(self.text, at)},
        )

    def expected(self, wanted: str, hint: str = "") -> InvalidFilter:
        return self.error(self.token.at, f"Expected {wanted}, found {self.token}.", hint)

    def unreadable(self, at: int) -> InvalidFilter:
        quote = self.text[at]
        if quote in "'\"":
            return self.error(at, f"The text that begins here has no closing {quote}.")
        run = self.text[at:].split(maxsplit=1)[0]
        return self.error(
            at,
            f"{run!r:.60} can't be read.",
            "Put text in single quotes, and keys with other characters in backticks.",
        )


def _pointer(text: str, at: int) -> str:
    """Return the text around the offset `at` on one line, and a caret below it."""
    start = max(0, at - 60)
    line = "".join(c if c.isprintable() else " " for c in text[start : at + 40])
    return f"{line}\n{' ' * (at - start)}^"
