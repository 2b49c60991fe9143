"""The catalog: everything about models and versions except their bytes.

    Models -> Versions -> Aliases -> Catalog (search and history)

One class, so that a caller has one thing to ask; four files, so that a reader finds each idea.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import TypeVar

from muniment.domain.activities import Activity, verify_chain
from muniment.domain.entities import ModelVersion, Page, RegisteredModel
from muniment.domain.filters import parse_filter, parse_order
from muniment.domain.paging import encode_token, resume
from muniment.domain.query import And, Expression, OrderBy, Query, Target, attribute
from muniment.domain.stages import stage_key
from muniment.services.catalog.aliases import Aliases
from muniment.services.pages import page_of, page_size_of, place_of
from muniment.services.selecting import Selection, every, some

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
        """Search models, in the native search language."""
        return self.find_models(
            parse_filter(filter, Target.MODELS),
            parse_order(order_by, Target.MODELS),
            page_size=page_size_of(page_size),
            page_token=page_token,
            deleted=deleted,
        )

    def find_models(
        self,
        where: Expression | None,
        order: tuple[OrderBy, ...] = (),
        *,
        page_size: int,
        page_token: str | None = None,
        deleted: bool = False,
    ) -> Page[RegisteredModel]:
        """Return a page of the models for which `where` holds, by name if no order is given."""
        query = self._query(Target.MODELS, where, order, page_size, page_token, deleted)
        return page_of(self._store.search_models(query), page_size, query)

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
        """Search versions, of one model if given, in the native search language."""
        if model is not None:
            self.model(model)
        return self.find_versions(
            parse_filter(filter, Target.VERSIONS),
            parse_order(order_by, Target.VERSIONS),
            model=model,
            page_size=page_size_of(page_size),
            page_token=page_token,
            deleted=deleted,
        )

    def find_versions(
        self,
        where: Expression | None,
        order: tuple[OrderBy, ...] = (),
        *,
        page_size: int,
        model: str | None = None,
        page_token: str | None = None,
        deleted: bool = False,
    ) -> Page[ModelVersion]:
        """Return a page of the versions for which `where` holds, newest first if not ordered.

        If `model` is not here, that is none.
        """
        query = self._query(Target.VERSIONS, where, order, page_size, page_token, deleted, model)
        return page_of(self._store.search_versions(query), page_size, query)

    def newest_in_stages(
        self, models: Sequence[RegisteredModel], stages: Sequence[str] = ()
    ) -> dict[str, list[ModelVersion]]:
        """Return the highest version in each stage (of some), whatever its status, by model.

        `models` are some that the caller has read; one without such versions is left out. The
        stage that holds the lowest version comes first.
        """
        ids = [model.id for model in models]
        asked = {stage_key(stage) for stage in stages}
        newest: dict[str, list[ModelVersion]] = {}
        for version in self._store.newest_in_stages(self._caller.workspace, ids):
            if not asked or stage_key(version.stage) in asked:
                newest.setdefault(version.model, []).append(version)
        return newest

    def history(
        self,
        model: str,
        *,
        kinds: Iterable[str] = (),
        actor: str | None = None,
        version: int | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
        newest_first: bool = True,
    ) -> Page[Activity]:
        """Return a model's activities, a page at a time: of some kinds, by one actor, of a version.

        A page may be short, or empty, and have a token: there may be more behind it.

        Raises:
            NotFound: there is no such model.
            InvalidInput: there is no such kind of activity.
        """
        found, size = self.model(model), page_size_of(page_size)
        selection = Selection.of(kinds, actor=actor, version=version)
        search = f"history {found.uuid} {newest_first} {selection}"
        read = partial(self._piece_of, found, selection, newest_first)
        items, end = some(read, selection.fits, place_of(page_token, search, 0), size)
        return Page(tuple(items), None if end is None else encode_token((end,), search=search))

    def export_history(
        self,
        model: str,
        *,
        kinds: Iterable[str] = (),
        actor: str | None = None,
        version: int | None = None,
        newest_first: bool = True,
    ) -> Iterator[Activity]:
        """Return an iterator over all that `history` pages through. Raises as it does."""
        found, selection = self.model(model), Selection.of(kinds, actor=actor, version=version)
        read = partial(self._piece_of, found, selection, newest_first)
        return every(read, selection.fits, 0)

    def verify_history(self, model: str) -> int:
        """Check the whole chain; return its length."""
        found = self.model(model)
        verify_chain(
            self._all_activities(found), count=found.activity_count, head=found.activity_head
        )
        return found.activity_count

    def _piece_of(
        self,
        model: RegisteredModel,
        selection: Selection,
        newest_first: bool,
        after: int,
        limit: int,
    ) -> Sequence[tuple[Activity, int]]:
        found = self._store.activities(
            model.id,
            after=after,
            limit=limit,
            newest_first=newest_first,
            kinds=selection.kinds or None,
            version=selection.version,
        )
        return [(activity, activity.sequence) for activity in found]

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
        where: Expression | None,
        order: tuple[OrderBy, ...],
        page_size: int,
        page_token: str | None,
        deleted: bool,
        model: str | None = None,
    ) -> Query:
        """Return the query for one page and one row more."""
        query = Query(
            workspace=self._caller.workspace,
            target=target,
            where=_both(where, self._caller.principal.visible(target)),
            order=order or _DEFAULT_ORDER[target],
            limit=page_size + 1,
            deleted=deleted,
            model=model,
        )
        return resume(query, page_token) if page_token else query


def _both(asked: Expression | None, visible: Expression | None) -> Expression | None:
    if asked is None or visible is None:
        return asked or visible
    return And((asked, visible))
