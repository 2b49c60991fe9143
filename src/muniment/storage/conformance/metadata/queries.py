"""Random queries that the language allows, with values that a population has, or nearly has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hypothesis import strategies as st

from muniment.domain.entities import Status
from muniment.domain.query import (
    MODEL_ATTRIBUTES,
    VERSION_ATTRIBUTES,
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
    Query,
    Scope,
    Target,
    attribute,
)
from muniment.storage.conformance.metadata.contract import WORKSPACE, digest
from muniment.storage.conformance.metadata.population import (
    ALIASES,
    DOUBLES,
    INTEGERS,
    KEYS,
    NAMES,
    STAGES,
    TEXTS,
    TIMES,
    VALUES,
)

_LIKE = st.one_of(
    st.sampled_from(
        ["%", "a%", "%a", "%a%", "_", "__", "a_", "A%", r"a\%", r"a\_", "a\\", "%é", "🙂%"]
    ),
    st.text("a%_\\é1", max_size=5),
)
_ORDERED: Final = [Op.EQ, Op.NE, Op.LT, Op.LE, Op.GT, Op.GE]


def _attribute_fields(target: Target) -> list[Field]:
    names = MODEL_ATTRIBUTES if target is Target.MODELS else VERSION_ATTRIBUTES
    return [attribute(target, name) for name in names]


FIELDS: Final = st.sampled_from(
    [
        *_attribute_fields(Target.MODELS),
        *_attribute_fields(Target.VERSIONS),
        *(Field(scope, Namespace.TAG, k, FieldType.DYNAMIC) for scope in Scope for k in KEYS),
        *(Field(Scope.VERSION, Namespace.PARAM, key, FieldType.DYNAMIC) for key in KEYS),
        *(Field(Scope.VERSION, Namespace.METRIC, key, FieldType.NUMBER) for key in KEYS),
    ]
)


STRINGS: Final[dict[str, Sequence[str]]] = {
    "name": NAMES,
    "model": NAMES,
    "slug": ["slug-1", "slug-2"],
    "alias": ALIASES,
    "label": ["1.0", "2.0"],
    "status": [status.value for status in Status],
    "stage": STAGES,
    "digest": [digest("a"), digest("b")],
}


def literals(field: Field) -> st.SearchStrategy[Literal]:
    """Return values that fit a field, such as are there or near."""
    match field.type:
        case FieldType.DYNAMIC:
            return st.sampled_from(VALUES)
        case FieldType.NUMBER:
            return st.sampled_from(DOUBLES)
        case FieldType.INTEGER:
            return st.sampled_from([*INTEGERS, *DOUBLES])
        case FieldType.TIME:
            return st.sampled_from(TIMES)
        case FieldType.STRING:
            return st.sampled_from(STRINGS.get(field.name, TEXTS))


@st.composite
def comparisons(draw: st.DrawFn) -> Expression:
    """Return one comparison that the language allows."""
    field = draw(FIELDS)
    is_text = field.type in (FieldType.STRING, FieldType.DYNAMIC)
    kind = draw(st.sampled_from(["ordered", "set", *(["pattern"] if is_text else [])]))
    if kind == "set":
        return InSet(field, tuple(draw(st.lists(literals(field), min_size=1, max_size=3))))
    if kind == "pattern":
        return Comparison(field, draw(st.sampled_from([Op.LIKE, Op.ILIKE])), draw(_LIKE))
    value = draw(literals(field))
    ops = _ORDERED[:2] if isinstance(value, bool) else _ORDERED
    return Comparison(field, draw(st.sampled_from(ops)), value)


EXPRESSIONS: Final[st.SearchStrategy[Expression]] = st.recursive(
    comparisons(),
    lambda parts: st.one_of(
        st.builds(And, st.lists(parts, min_size=2, max_size=3).map(tuple)),
        st.builds(Or, st.lists(parts, min_size=2, max_size=3).map(tuple)),
        st.builds(Not, parts),
    ),
    max_leaves=6,
)


def sortable(target: Target) -> list[Field]:
    """Return the fields that a target can be ordered by, with one metric that nothing has."""
    fields = [f for f in _attribute_fields(target) if f.name not in ("alias", "description")]
    if target is Target.VERSIONS:
        fields += [Field(Scope.VERSION, Namespace.METRIC, key, FieldType.NUMBER) for key in KEYS]
    return fields


@st.composite
def queries(draw: st.DrawFn, *, filtered: bool = True) -> Query:
    """Return a query for either target, in any order, seldom of one model alone."""
    target = draw(st.sampled_from(list(Target)))
    narrowed = [None] * 4 * len(NAMES) + NAMES
    order = st.lists(
        st.builds(OrderBy, st.sampled_from(sortable(target)), st.booleans()),
        max_size=5,
        unique_by=lambda by: by.field,
    )
    return Query(
        workspace=WORKSPACE,
        target=target,
        where=draw(EXPRESSIONS) if filtered else None,
        order=tuple(draw(order)),
        limit=1_000,
        deleted=draw(st.sampled_from([False, False, True])),
        model=draw(st.sampled_from(narrowed)) if target is Target.VERSIONS else None,
    )
