"""Searches: the database brings candidates in order, and `domain.evaluate` decides.

`narrowing` makes a query of the filter that leaves out what it can. Its answer is read in pieces,
until a page is full:

    first key        candidates come
    -------------    -----------------------------------------------------------------------------
    none             by id
    an attribute     by it, as an index has it; those that are alike in it are sorted here. A key
                     that some lack comes in two stretches: first all that have it, then the others
    model, metric    in any order: all that fit are sorted here
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby, islice
from typing import Final, TypeAlias

from muniment.domain.entities import ModelVersion, RegisteredModel
from muniment.domain.evaluate import matches, model_matches
from muniment.domain.query import (
    And,
    Comparison,
    Cursor,
    Expression,
    InSet,
    Not,
    Or,
    Query,
    Scope,
    Target,
)
from muniment.storage.mongo import documents
from muniment.storage.mongo.commits import Commits
from muniment.storage.mongo.connection import Connection, Document
from muniment.storage.mongo.names import Names, name_id
from muniment.storage.mongo.narrowing import Narrowing
from muniment.storage.mongo.order import Key, Row, compare, in_order, keys_of

Found: TypeAlias = tuple[RegisteredModel | ModelVersion, Document]
_FEW: Final = 100
_MANY: Final = 3_200
"""Candidates looked at together: few at first, and more where many don't fit."""
_TRIES: Final = 10
_SCOPES: Final = {Target.MODELS: Scope.MODEL, Target.VERSIONS: Scope.VERSION}


class Moved(Exception):
    """A commit was under way; it is finished now."""


class Search:
    """Answers the searches of a store."""

    def __init__(self, connection: Connection, commits: Commits, names: Names) -> None:
        self._db = connection
        self._commits = commits
        self._names = names

    def models(self, query: Query) -> list[tuple[RegisteredModel, Cursor]]:
        """See `MetadataStore.search_models`."""
        return [(row.entity, row.cursor) for row in self._page(query)]

    def versions(self, query: Query) -> list[tuple[ModelVersion, Cursor]]:
        """See `MetadataStore.search_versions`."""
        return [(row.entity, row.cursor) for row in self._page(query)]

    def _page(self, query: Query) -> list[Row]:
        for tries_left in reversed(range(_TRIES)):
            walk = _Walk(self._db, self._commits if tries_left else None, query)
            try:
                return list(islice(walk.rows(self._where(query)), query.limit))
            except Moved:
                continue
        raise AssertionError("unreachable")

    def _where(self, query: Query) -> Document | None:
        """Return a query that finds all candidates; None if there can't be any."""
        where: Document = {"workspace": query.workspace, "live": not query.deleted}
        if query.model is not None:
            model = self._names.bearer(name_id(query.workspace, query.model))
            if model is None:
                return None
            where["model_id"] = model["id"]
        if query.where is not None:
            narrowing = Narrowing(self._db, query.workspace, _SCOPES[query.target])
            narrowed = narrowing.of(query.where)
            if narrowed is not None:
                where["$and"] = [narrowed]
        return where


class _Walk:
    """One search, on its way through the candidates. Without `commits` it looks at none of them."""

    def __init__(self, connection: Connection, commits: Commits | None, query: Query) -> None:
        self._db = connection
        self._commits = commits
        self._query = query
        self._keys = keys_of(query)
        self._of_models = query.target is Target.MODELS
        self._models: dict[int, tuple[int, RegisteredModel | None]] = {}

    def rows(self, where: Document | None) -> Iterator[Row]:
        """Yield what is found, in order, from the cursor on."""
        if where is None:
            return iter(())
        after = self._query.after
        if after is None:
            return self._walk(where, self._keys, None)
        found = self._walk(where, self._keys, after)
        return (row for row in found if compare(self._keys, after, row.cursor) < 0)

    def _walk(self, where: Document, keys: Sequence[Key], after: Cursor | None) -> Iterator[Row]:
        """Yield rows in the order of the keys; `after` may be used to leave out what it can."""
        if not keys:
            return self._found({**where, **({"id": {"$gt": after[-1]}} if after else {})}, ["id"])
        first, *others = keys
        if first.field is None:
            return iter(in_order(self._keys, [*self._found(where, [])]))
        if not first.is_nullable:
            return self._stretch(where, first, others, after)
        having = {first.field: {"$ne": None}}
        lacking = {**where, first.field: None}
        if after is not None and after[0] is None:
            return self._walk(lacking, others, after[1:])
        return chain(
            self._stretch({**where, **having}, first, others, after),
            self._walk(lacking, others, None),
        )

    def _stretch(
        self, where: Document, first: Key, others: Sequence[Key], after: Cursor | None
    ) -> Iterator[Row]:
        """Yield the rows that have the first key."""
        assert first.field is not None  # noqa: S101
        field = first.field
        if after is not None and after[0] is not None:
            bound = {"$lte" if first.by.descending else "$gte": after[0]}
            where = {**where, "$and": [*where.get("$and", ()), {field: bound}]}
        by_field = f"-{field}" if first.by.descending else field
        found = self._found(where, [by_field] if field == "id" else [by_field, "id"])
        if not others:
            yield from found
            return
        for _, alike in groupby(found, lambda row: row.document[field]):
            yield from in_order(self._keys, [*alike])

    # -- candidates ------------------------------------------------------------------------------

    def _found(self, where: Document, order: Sequence[str]) -> Iterator[Row]:
        """Yield what fits, in the order of fields of documents."""
        name = "models" if self._of_models else "versions"
        with self._db.guarded():
            found = self._db[name].find(where, {"terms": 0})
            if order:
                found = found.sort([(f.lstrip("-"), -1 if f[0] == "-" else 1) for f in order])
            for piece in _growing(found, max(_FEW, self._query.limit)):
                yield from self._rows(self._fitting(piece))

    def _rows(
        self, found: Iterable[tuple[RegisteredModel | ModelVersion, Document]]
    ) -> Iterator[Row]:
        for entity, document in found:
            values = (key.value(entity, document) for key in self._keys)
            yield Row(entity, document, (*values, entity.id))

    def _fitting(self, piece: list[Document]) -> Iterator[Found]:
        where = self._query.where
        if self._of_models:
            versions = self._versions_of(piece, where)
            for found in piece:
                model = documents.model_from(found)
                if where is None or model_matches(where, model, versions.get(model.id, [])):
                    yield model, found
            return
        self._read_models(piece)
        for found in piece:
            owner = self._owner(found)
            if owner is not None:
                version = documents.version_from(found, owner)
                if where is None or matches(where, owner, version):
                    yield version, found

    def _versions_of(
        self, models: list[Document], where: Expression | None
    ) -> dict[int, list[ModelVersion]]:
        """Return the live versions of models, if the filter speaks of versions."""
        versions: dict[int, list[ModelVersion]] = {}
        if where is None or not _speaks_of_versions(where):
            return versions
        by_id = {model["id"]: documents.model_from(model) for model in models}
        these = {"model_id": {"$in": [*by_id]}, "live": True}
        for found in self._db["versions"].find(these, {"terms": 0}):
            model_id = found["model_id"]
            version = documents.version_from(found, by_id[model_id])
            versions.setdefault(model_id, []).append(version)
        return versions

    def _read_models(self, versions: list[Document]) -> None:
        unread = {v["model_id"] for v in versions}.difference(self._models)
        if not unread:
            return
        these = {"_id": {"$in": [str(model_id) for model_id in unread]}}
        for found in self._db["models"].find(these, {"terms": 0}):
            model = documents.model_from(found) if found["live"] else None
            self._models[found["id"]] = found["seq"], model

    def _owner(self, version: Document) -> RegisteredModel | None:
        """Return the model of a version, if it is live."""
        sequence, model = self._models.get(version["model_id"], (0, None))
        if self._commits is not None and version["seq"] > sequence:
            self._commits.settled(version["model_id"])
            raise Moved
        return model


def _growing(found: Iterable[Document], size: int) -> Iterator[list[Document]]:
    iterator = iter(found)
    while piece := list(islice(iterator, size)):
        yield piece
        size = min(8 * size, _MANY)


def _speaks_of_versions(expression: Expression) -> bool:
    match expression:
        case And(parts) | Or(parts):
            return any(map(_speaks_of_versions, parts))
        case Not(part):
            return _speaks_of_versions(part)
        case Comparison() | InSet():
            return expression.field.scope is Scope.VERSION
