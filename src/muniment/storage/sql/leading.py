"""Indexes that hold what a part of a filter asks for in the very order that is asked for.

    stage = 'Production', latest first      versions_by_stage   (workspace, stage, updated_at, id)
    …, longest there first          versions_by_tenure  (workspace, stage, stage_since, id)
    stage = 'Production', by id             versions_in_stage   (workspace, stage, id)
    tags.team = 'risk', by id               version_properties_by_text   (…, key, prefix, owner_id)

Where candidates are not few, a page is the next rows of such an index; what else is in the filter
is tested on them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from muniment.domain.query import And, Comparison, Expression, Namespace, Op, Scope
from muniment.storage.sql.conditions import partial_index
from muniment.storage.sql.order import Segment

# The attribute that must equal something, and the orders in which its index goes on.
_IN_WORKSPACE: Final = {
    "stage": frozenset({"id", "updated_at", "stage_since"}),
    "status": frozenset({"id", "updated_at"}),
    "framework": frozenset({"id"}),
    "checks": frozenset({"id"}),
}
_IN_MODEL: Final = {"stage": frozenset({"version"})}


def leading(where: Expression | None, segment: Segment, *, of_model: bool) -> Comparison | None:
    """Return the part of a filter of versions, if any, whose index is in the segment's order."""
    for part in _equalities(where):
        field = part.field
        if field.namespace is Namespace.ATTRIBUTE:
            orders = (_IN_MODEL if of_model else _IN_WORKSPACE).get(field.name, frozenset())
            if partial_index(part) is not None and segment.is_walked(orders):
                return part
        elif not of_model and segment.is_walked({"id"}):
            return part
    return None


def _equalities(where: Expression | None) -> Iterator[Comparison]:
    for part in where.parts if isinstance(where, And) else (where,):
        if isinstance(part, Comparison) and part.op is Op.EQ and part.field.scope is Scope.VERSION:
            yield part
