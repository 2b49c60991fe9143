"""The feed: what happened to all models of the workspace, latest first, in pages and as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from muniment.domain.access import Asked, Verb
from muniment.domain.activities import Happened
from muniment.domain.entities import Page
from muniment.domain.paging import decode_token, encode_token
from muniment.domain.values import to_millis
from muniment.services.catalog.catalog import Catalog
from muniment.services.pages import moment_of, not_of_this_listing, page_size_of
from muniment.services.records import Records
from muniment.services.selecting import Selection, every, some
from muniment.storage.metadata import ModelId
from muniment.storage.records import Place


class Feed(Records):
    """What happened, for one caller: nothing of models that it may not read."""

    def activities(
        self,
        *,
        kinds: Iterable[str] = (),
        actor: str | None = None,
        model: str | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> Page[Happened]:
        """Return what happened to all models, or to one, latest first.

        A page may be short, or empty, and have a token: there may be more behind it.

        Raises:
            NotFound: there is no such model.
            InvalidInput: there is no such kind of activity.
        """
        self._require(Verb.READ)
        if model is not None:
            found, catalog = self._readable(model), Catalog(self._ports, self._caller)
            page = catalog.history(
                model, kinds=kinds, actor=actor, page_size=page_size, page_token=page_token
            )
            told = (Happened(found.name, found.id, activity) for activity in page.items)
            return Page(tuple(told), page.next_token)
        size, selection = page_size_of(page_size), Selection.of(kinds, actor=actor)
        search = f"feed {self._caller.workspace} {selection}"
        items, end = some(
            partial(self._piece, selection), self._visible(), _place(page_token, search), size
        )
        if end is None:
            return Page(tuple(items), None)
        cursor = (to_millis(end.at), end.model_id, end.sequence)
        return Page(tuple(items), encode_token(cursor, search=search))

    def export(
        self, *, kinds: Iterable[str] = (), actor: str | None = None, model: str | None = None
    ) -> Iterator[Happened]:
        """Return an iterator over all that `activities` pages through. Raises as it does."""
        self._require(Verb.READ)
        if model is not None:
            return self.export_history(model, kinds=kinds, actor=actor)
        selection = Selection.of(kinds, actor=actor)
        return every(partial(self._piece, selection), self._visible(), None)

    def export_history(
        self,
        model: str,
        *,
        kinds: Iterable[str] = (),
        actor: str | None = None,
        version: int | None = None,
        newest_first: bool = True,
    ) -> Iterator[Happened]:
        """Return an iterator over all that `Catalog.history` pages through. Raises as it does."""
        found, catalog = self._readable(model), Catalog(self._ports, self._caller)
        entries = catalog.export_history(
            model, kinds=kinds, actor=actor, version=version, newest_first=newest_first
        )
        return (Happened(found.name, found.id, activity) for activity in entries)

    # --------------------------------------------------------------------------------------------

    def _piece(
        self, selection: Selection, before: Place | None, limit: int
    ) -> Sequence[tuple[Happened, Place | None]]:
        found = self._store.happened(
            self._caller.workspace,
            before=before,
            kinds=selection.kinds or None,
            actor=selection.actor,
            limit=limit,
        )
        return [(h, Place(h.activity.at, h.model_id, h.activity.sequence)) for h in found]

    def _visible(self) -> Callable[[Happened], bool]:
        """Return what says whether the caller may see an entry; each model is looked at once."""
        if self._caller.principal.may_everywhere(Verb.READ):
            return lambda happened: True
        readable: dict[int, bool] = {}

        def visible(happened: Happened) -> bool:
            if happened.model_id not in readable:
                readable[happened.model_id] = self._may_read_id(happened.model_id)
            return readable[happened.model_id]

        return visible

    def _may_read_id(self, model_id: int) -> bool:
        model = self._store.model(ModelId(self._caller.workspace, model_id))
        return model is not None and self._caller.principal.may(Verb.READ, Asked.about(model))


def _place(token: str | None, search: str) -> Place | None:
    if not token:
        return None
    match decode_token(token, search=search):
        case (int(millis), int(model_id), int(sequence)):
            return Place(moment_of(millis, token), model_id, sequence)
    raise not_of_this_listing(token)
