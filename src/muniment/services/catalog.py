"""The catalog: everything about models and versions except their bytes.

    Models -> Versions -> Aliases -> Catalog (search and history)

One class, so that a caller has one thing to ask; four files, so that a reader finds each idea.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from muniment.domain.activities import Activity, verify_chain
from muniment.domain.entities import ModelVersion, Page, RegisteredModel
from muniment.domain.filters import parse_filter, parse_order
from muniment.domain.paging import resume, search_id
from muniment.domain.query import And, Expression, OrderBy, Query, Target, attribute
from muniment.services.aliases import Aliases
from muniment.services.pages import page_of, page_size_of, place_of

_DEFAULT_ORDER = {
    Target.MODELS: (OrderBy(attribute(Target.MODELS, "name")),),
    Target.VERSIONS: (OrderBy(attribute(Target.VERSIONS, "id"), descending=True),),
}
_HISTORY_PIECE = 1_000
T = TypeVar("T")


class Catalog(Aliases):
    """Models, versions, aliases, search and history, for one caller."""

    def search_models(
        self,
        filter: str = "",
        *,
        order_by: Sequence[str] = (),
        page_size: int | None = None,
        page_token: str | None = None,
        deleted: bool = False,
    ) -> Page[RegisteredModel]:
        """Search models."""
        query = self._query(Target.MODELS, filter, order_by, page_size, page_token, deleted)
        return page_of(self._store.search_models(query), query.limit - 1, search_id(query))

    def search_versions(
        self,
        filter: str = "",
        *,
        model: str | None = None,
        order_by: Sequence[str] = (),
        page_size: int | None = None,
        page_token: str | None = None,
        deleted: bool = False,
    ) -> Page[ModelVersion]:
        """Search versions, of one model if given."""
        if model is not None:
            self.model(model)
        query = self._query(
            Target.VERSIONS, filter, order_by, page_size, page_token, deleted, model
        )
        return page_of(self._store.search_versions(query), query.limit - 1, search_id(query))

    def history(
        self,
        model: str,
        *,
        page_size: int | None = None,
        page_token: str | None = None,
        newest_first: bool = True,
    ) -> Page[Activity]:
        """Return a model's activities, a page at a time."""
        found, size = self.model(model), page_size_of(page_size)
        search = f"history {found.uuid} {newest_first}"
        after = place_of(page_token, search, 0)
        rows = self._store.activities(
            found.id, after=after, limit=size + 1, newest_first=newest_first
        )
        return page_of([(row, (row.sequence,)) for row in rows], size, search)

    def verify_history(self, model: str) -> int:
        """Check the whole chain; return its length."""
        found = self.model(model)
        verify_chain(
            self._all_activities(found), count=found.activity_count, head=found.activity_head
        )
        return found.activity_count

    def _all_activities(self, model: RegisteredModel) -> Iterator[Activity]:
        """Yield the entries that `model` counts; later ones came after it was read."""
        after = 0
        while after < model.activity_count:
            limit = min(_HISTORY_PIECE, model.activity_count - after)
            piece = self._store.activities(model.id, after=after, limit=limit)
            if not piece:
                return
            yield from piece
            after = piece[-1].sequence

    def _query(
        self,
        target: Target,
        filter: str,
        order_by: Sequence[str],
        page_size: int | None,
        page_token: str | None,
        deleted: bool,
        model: str | None = None,
    ) -> Query:
        """Return the query for one page and one row more."""
        query = Query(
            workspace=self._caller.workspace,
            target=target,
            where=_both(parse_filter(filter, target), self._caller.principal.visible(target)),
            order=parse_order(order_by, target) or _DEFAULT_ORDER[target],
            limit=page_size_of(page_size) + 1,
            deleted=deleted,
            model=model,
        )
        return resume(query, page_token) if page_token else query


def _both(asked: Expression | None, visible: Expression | None) -> Expression | None:
    if asked is None or visible is None:
        return asked or visible
    return And((asked, visible))
