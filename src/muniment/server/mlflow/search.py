"""MLflow's search language: filters and orders in, the tree of `muniment.domain.query` out.

    filter   = [ clause { [ AND ] clause } ]                  also with an AND before or behind
    clause   = field ( "=" | "!=" | "<" | "<=" | ">" | ">=" | LIKE | ILIKE ) value
             | field [ NOT ] IN "(" string { "," string } [ "," ] ")"
    field    = [ "attribute." ] attribute | ( "tag" | "tags" ) "." key
    key      = words and dots | "`" text "`" | '"' text '"' | "'" text "'"
    value    = string | number
    string   = "'" text "'" | '"' text '"'           as it stands between the quotes

                models                          versions
    attribute   name                            name, run_id, source_path, version_number
    order by    name, timestamp,                name, version_number, creation_timestamp,
                last_updated_timestamp          last_updated_timestamp

Whatever is tagged as a prompt is found only if the filter asks for prompts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from muniment.domain.names import MAX_FILTER_CHARS
from muniment.domain.query import (
    And,
    Comparison,
    Expression,
    Field,
    FieldType,
    InSet,
    Namespace,
    Not,
    Op,
    OrderBy,
    Scope,
    Target,
    attribute,
)
from muniment.errors import InvalidFilter, LimitExceeded, MunimentError

IS_PROMPT: Final = "mlflow.prompt.is_prompt"

_MAX_CLAUSES: Final = 200
_MAX_IN_VALUES: Final = 1_000

_ASKS_FOR_PROMPTS: Final = frozenset({(Op.EQ, "true"), (Op.NE, "false")})
_TEXT_OPS: Final = frozenset({Op.EQ, Op.NE, Op.LIKE, Op.ILIKE})
_NUMBER_OPS: Final = frozenset({Op.EQ, Op.NE, Op.LT, Op.LE, Op.GT, Op.GE})
_OPS: Final = {op.value: op for op in Op}


@dataclass(frozen=True, slots=True)
class _Language:
    """What may stand in a search of one kind of entity."""

    target: Target
    attributes: Mapping[str, Field]
    in_lists: frozenset[str]  # the attributes that take IN
    order: Mapping[str, Field]
    ties: tuple[OrderBy, ...]

    def tag(self, key: str) -> Field:
        scope = Scope.MODEL if self.target is Target.MODELS else Scope.VERSION
        return Field(scope, Namespace.TAG, key, FieldType.DYNAMIC)


def _models() -> _Language:
    name = attribute(Target.MODELS, "name")
    updated_at = attribute(Target.MODELS, "updated_at")
    return _Language(
        target=Target.MODELS,
        attributes={"name": name},
        in_lists=frozenset({"name"}),
        order={"name": name, "timestamp": updated_at, "last_updated_timestamp": updated_at},
        ties=(OrderBy(name),),
    )


def _versions() -> _Language:
    name = attribute(Target.VERSIONS, "model")
    number = attribute(Target.VERSIONS, "version")
    return _Language(
        target=Target.VERSIONS,
        attributes={
            "name": name,
            "run_id": attribute(Target.VERSIONS, "run_id"),
            "source_path": attribute(Target.VERSIONS, "source_uri"),
            "version_number": number,
        },
        in_lists=frozenset({"name", "run_id"}),
        order={
            "name": name,
            "version_number": number,
            "creation_timestamp": attribute(Target.VERSIONS, "created_at"),
            "last_updated_timestamp": attribute(Target.VERSIONS, "updated_at"),
        },
        ties=(OrderBy(name), OrderBy(number, descending=True)),
    )


_LANGUAGES: Final = {Target.MODELS: _models(), Target.VERSIONS: _versions()}


# -- orders --------------------------------------------------------------------------------------

_ORDER_KEY = re.compile(
    r'(?P<of>attribute\.)?(?P<quote>[`"]?)(?P<name>\w+)(?P=quote)(\s+(?P<way>ASC|DESC))?',
    re.IGNORECASE,
)


def parse_order(keys: Sequence[str], target: Target) -> tuple[OrderBy, ...]:
    """Return the order that `keys` (`name`, `version_number DESC`, …) ask for, complete with ties.

    Without keys: models by name; versions by their last update, latest first.

    Raises:
        InvalidFilter: a key can't be read, or is none to order by.
    """
    language = _LANGUAGES[target]
    if not keys and target is Target.VERSIONS:
        order = [OrderBy(language.order["last_updated_timestamp"], descending=True)]
    else:
        order = [_order_key(key, language) for key in keys]
    fields = [by.field for by in order]
    if len(set(fields)) < len(fields):
        # The official server calls this an error of its own, and clients may tell codes apart.
        raise MunimentError(f"order_by names a field twice: {list(keys)!r:.200}.")
    return (*order, *(tie for tie in language.ties if tie.field not in fields))


def _order_key(key: str, language: _Language) -> OrderBy:
    found = _ORDER_KEY.fullmatch(key)
    # Only a search of versions knows the long way of writing them.
    if found is None or (found["of"] and language.target is Target.MODELS):
        raise _unreadable("order_by", key, "Write it like: name DESC.")
    field = language.order.get(found["name"])
    if field is None:
        raise _unreadable("order_by", key, f"Order by {' or '.join(language.order)}.")
    return OrderBy(field, descending=(found["way"] or "").upper() == "DESC")


# -- filters -------------------------------------------------------------------------------------

_TOKEN = re.compile(
    r"""\s* (?:
    (?P<string>   ' (?: '' | \\' | [^'] )*+ ' | " (?: "" | \\" | [^"] )*+ " )
  | (?P<number>   -? [0-9]+ (?: \.[0-9]+ )? (?![\w.]) )
  | (?P<operator> [=<>!]+ )
  | (?P<mark>     [(),] )
  | (?P<word>     [^\W\d] \w* (?: \. (?: \w+ | `[^`]*` | "[^"]*" | '[^']*' )? )* )
  | (?P<end>      \Z )
    )""",
    re.VERBOSE,
)
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def parse_filter(text: str, target: Target) -> Expression:
    """Return the tree that a filter stands for; it leaves prompts out unless they are asked for.

    >>> parse_filter("name = 'fraud'", Target.MODELS).parts[0].value
    'fraud'

    Raises:
        InvalidFilter: it can't be read, or asks for what can't be searched.
        LimitExceeded: it is too long.
    """
    if len(text) > MAX_FILTER_CHARS:
        raise LimitExceeded(
            f"The filter has {len(text)} characters; at most {MAX_FILTER_CHARS} are allowed.",
            details={"limit": MAX_FILTER_CHARS, "field": "filter"},
        )
    if _UNSTORABLE.search(text):
        raise _unreadable("filter", text, "It holds a character that can't be stored.")
    if text and not text.strip():
        raise _unreadable("filter", text, "Leave it out, or write it like: name = 'fraud'.")
    language = _LANGUAGES[target]
    parts = list(_Parser(text, language).clauses())
    is_prompt = language.tag(IS_PROMPT)
    about = [part for part in parts if isinstance(part, Comparison) and part.field == is_prompt]
    if not about or (about[0].op, str(about[0].value).lower()) not in _ASKS_FOR_PROMPTS:
        # The first decides: if it asks for no prompts, no other counts. What lacks the tag is none.
        parts = [part for part in parts if part not in about]
        parts.append(Not(Comparison(is_prompt, Op.EQ, "true")))
    return parts[0] if len(parts) == 1 else And(tuple(parts))


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


class _Parser:
    """Reads a filter from its beginning to its end, one token ahead."""

    def __init__(self, text: str, language: _Language) -> None:
        self._text = text
        self._language = language
        self._at = 0
        self._token = self._next()

    def clauses(self) -> Iterator[Expression]:
        """Yield what the clauses mean."""
        count = 0
        while self._token.kind != "end":
            if self._accept("AND"):
                continue
            yield self._clause()
            count += 1
            if count > _MAX_CLAUSES:
                raise LimitExceeded(
                    f"The filter has more than {_MAX_CLAUSES} clauses.",
                    details={"limit": _MAX_CLAUSES, "field": "filter"},
                )

    def _clause(self) -> Expression:
        written = self._take("word", "a field, such as name or tags.team").text
        of, dot, key = written.partition(".")
        if dot and of in ("tag", "tags"):
            return self._tag_clause(_bare(key))
        if dot and of != "attribute":
            raise self._wrong(f"{of!r:.80} is neither 'attribute' nor 'tag' nor 'tags'")
        name = key if dot else of
        field = self._language.attributes.get(name)
        if field is None:
            known = ", ".join(self._language.attributes)
            raise self._wrong(f"{name!r:.80} can't be searched; {known} and tags.<key> can")
        return self._attribute_clause(name, field)

    def _tag_clause(self, key: str) -> Expression:
        op = self._operator(_TEXT_OPS, f"the tag {key!r:.80}")
        return Comparison(self._language.tag(key), op, self._compared(op))

    def _attribute_clause(self, name: str, field: Field) -> Expression:
        if name in self._language.in_lists:
            if self._accept("NOT"):
                if not self._accept("IN"):
                    raise self._wrong("after NOT must come IN")
                return Not(InSet(field, self._strings()))
            if self._accept("IN"):
                return InSet(field, self._strings())
        if field.type is FieldType.INTEGER:
            op = self._operator(_NUMBER_OPS, name)
            return Comparison(field, op, self._integer(name))
        op = self._operator(_TEXT_OPS, name)
        return Comparison(field, op, self._compared(op))

    # -- values ----------------------------------------------------------------------------------

    def _operator(self, allowed: frozenset[Op], of: str) -> Op:
        token = self._token
        op = _OPS.get(token.text.upper()) if token.kind in ("operator", "word") else None
        if op is None or op not in allowed:
            listed = " ".join(sorted(allowed))
            raise self._wrong(f"{token.text!r:.80} does not compare {of}; these do: {listed}")
        self._token = self._next()
        return op

    def _compared(self, op: Op) -> str:
        """Return the text to compare with. In a pattern of MLflow's a backslash means itself."""
        text = self._string()
        return text.replace("\\", "\\\\") if op in (Op.LIKE, Op.ILIKE) else text

    def _string(self) -> str:
        return self._take("string", "text in quotes").text[1:-1]

    def _strings(self) -> tuple[str, ...]:
        self._mark("(")
        values = [self._string()]
        while self._accept(","):
            if self._token.text == ")":
                break
            values.append(self._string())
            if len(values) > _MAX_IN_VALUES:
                raise LimitExceeded(
                    f"An IN list has more than {_MAX_IN_VALUES} values.",
                    details={"limit": _MAX_IN_VALUES, "field": "filter"},
                )
        self._mark(")")
        return tuple(values)

    def _integer(self, name: str) -> int:
        token = self._token
        text = token.text[1:-1] if token.kind == "string" else token.text
        try:
            number = int(text)
        except ValueError:
            raise self._wrong(f"{name} is compared with a whole number") from None
        self._token = self._next()
        return number

    # -- tokens ----------------------------------------------------------------------------------

    def _next(self) -> _Token:
        found = _TOKEN.match(self._text, self._at)
        if found is None:
            raise self._wrong("it can't be read from there on")
        self._at = found.end()
        kind = found.lastgroup or "end"
        return _Token(kind, found[kind])

    def _accept(self, text: str) -> bool:
        token = self._token
        if token.kind == "string" or token.text.upper() != text:
            return False
        self._token = self._next()
        return True

    def _take(self, kind: str, what: str) -> _Token:
        token = self._token
        if token.kind != kind:
            raise self._wrong(f"here must stand {what}, not {token.text or 'the end'!r:.80}")
        self._token = self._next()
        return token

    def _mark(self, mark: str) -> None:
        if not self._accept(mark):
            raise self._wrong(
                f"here must stand {mark!r}, not {self._token.text or 'the end'!r:.80}"
            )

    def _wrong(self, why: str) -> InvalidFilter:
        return InvalidFilter(
            f"The filter {self._text!r:.200} is wrong before character {self._at + 1}: {why}.",
            hint="Write it like: name LIKE 'fraud%' AND tags.team = 'risk'.",
            details={"field": "filter", "column": self._at + 1},
        )


def _bare(key: str) -> str:
    """Return the key of a tag without the quotes around it."""
    quoted = len(key) > 1 and key[0] == key[-1] and key[0] in "`\"'"
    return key[1:-1] if quoted else key


def _unreadable(field: str, text: str, hint: str) -> InvalidFilter:
    return InvalidFilter(
        f"The {field} {text!r:.200} can't be read.", hint=hint, details={"field": field}
    )
