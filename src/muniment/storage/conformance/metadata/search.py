"""Searching: what a store finds is what `muniment.domain.evaluate` says, in order, page by page."""

# ruff: noqa: D102, S101  (a test's name says what it shows, and tests assert)

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muniment.domain.entities import ModelVersion, RegisteredModel
from muniment.domain.filters import MAX_COMPARISONS, MAX_DEPTH, MAX_IN_VALUES
from muniment.domain.paging import encode_token, resume, search_id
from muniment.domain.query import (
    And,
    Comparison,
    Cursor,
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
from muniment.storage.conformance.metadata.contract import (
    WORKSPACE,
    MetadataContract,
    add_model,
    alias_of,
    change_model,
    change_version,
    model_of,
    name_key,
    version_in,
    version_of,
)
from muniment.storage.conformance.metadata.population import (
    CROWD,
    NAMES,
    STAGES,
    Population,
    expected,
    ordered,
    populate,
)
from muniment.storage.conformance.metadata.queries import queries
from muniment.storage.metadata import MetadataStore, ModelId, Transaction


def search(
    store: MetadataStore, query: Query
) -> Sequence[tuple[RegisteredModel | ModelVersion, Cursor]]:
    """Run a query of either target."""
    if query.target is Target.MODELS:
        return store.search_models(query)
    return store.search_versions(query)


def refs(rows: Sequence[RegisteredModel | ModelVersion]) -> list[str]:
    """Return what tells rows apart for a reader: `7 name` or `7 name/3`."""
    return [f"{row.id} {row.ref if isinstance(row, ModelVersion) else row.name}" for row in rows]


def examples(count: int) -> settings:
    """Return settings for a test that runs for several stores, each a class of its own."""
    health = [HealthCheck.differing_executors, HealthCheck.too_slow]
    return settings(max_examples=count, deadline=None, suppress_health_check=health)


class SearchSuite(MetadataContract):
    """`search_models` and `search_versions`."""

    @pytest.fixture(scope="class")
    @classmethod
    def population(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Population]:
        """Yield a store with some odd models, which no test may change."""
        store = cls.open_store(tmp_path_factory.mktemp("population") / "store")
        yield populate(store, NAMES)
        store.close()

    @pytest.fixture(scope="class")
    @classmethod
    def crowd(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Population]:
        """Yield a store with many models, which no test may change."""
        store = cls.open_store(tmp_path_factory.mktemp("crowd") / "store")
        yield populate(store, CROWD[: cls.crowd_size])
        store.close()

    @examples(400)
    @given(query=queries())
    def test_a_search_finds_what_the_language_says(
        self, population: Population, query: Query
    ) -> None:
        rows = [row for row, _ in search(population.store, query)]
        wanted = expected(population, query)
        assert refs(rows) == refs(wanted)
        assert rows == wanted

    @examples(50)
    @given(query=queries(), limit=st.sampled_from([1, 10, 1_000]))
    def test_a_search_among_many_finds_the_same(
        self, crowd: Population, query: Query, limit: int
    ) -> None:
        rows = [row for row, _ in search(crowd.store, replace(query, limit=limit))]
        assert refs(rows) == refs(expected(crowd, query)[:limit])

    @examples(150)
    @given(query=st.booleans().flatmap(lambda b: queries(filtered=b)), limit=st.integers(1, 9))
    def test_pages_show_every_row_once_and_in_order(
        self, population: Population, query: Query, limit: int
    ) -> None:
        seen: list[RegisteredModel | ModelVersion] = []
        wanted = expected(population, query)
        page_query, identity = replace(query, limit=limit), search_id(query)
        while page := search(population.store, page_query):
            assert len(page) <= limit
            assert len(seen) < len(wanted)
            for row, cursor in page:
                assert len(cursor) == len(query.order) + 1
                assert cursor[-1] == row.id
                seen.append(row)
            # through a token, as pages really go on
            page_query = resume(page_query, encode_token(page[-1][1], search=identity))
        assert refs(seen) == refs(wanted)

    @pytest.mark.parametrize("target", list(Target))
    def test_every_name_is_found_by_itself_and_by_its_pattern(
        self, population: Population, target: Target
    ) -> None:
        field = attribute(target, "name" if target is Target.MODELS else "model")
        for name in NAMES:
            pattern = name.replace("%", r"\%").replace("_", r"\_")
            for where in (
                Comparison(field, Op.EQ, name),
                InSet(field, (name, "nothing")),
                Comparison(field, Op.LIKE, pattern),
            ):
                query = Query(WORKSPACE, target, where)
                rows = [row for row, _ in search(population.store, query)]
                assert rows == expected(population, query)

    @pytest.mark.parametrize("target", list(Target))
    def test_filters_at_the_limits_of_the_language_are_run(
        self, population: Population, target: Target
    ) -> None:
        tag = Field(Scope.VERSION, Namespace.TAG, "a", FieldType.DYNAMIC)
        metric = Field(Scope.VERSION, Namespace.METRIC, "a", FieldType.NUMBER)
        deep: Expression = Comparison(tag, Op.EQ, "a")
        for _ in range(MAX_DEPTH):
            deep = Not(deep)
        wide = And(tuple(Comparison(metric, Op.NE, n / 7) for n in range(MAX_COMPARISONS)))
        mixed = Or(tuple(Comparison(tag, Op.LIKE, f"%{n}%") for n in range(MAX_COMPARISONS)))
        many = InSet(tag, ("a", *range(MAX_IN_VALUES - 1)))
        nested: Expression = Comparison(tag, Op.EQ, "a")
        for n in range(MAX_DEPTH):
            both = (Comparison(metric, Op.GT, n / 7), nested)
            nested = And(both) if n % 2 else Or(both)
        for where in (deep, wide, mixed, many, nested):
            query = Query(WORKSPACE, target, where, limit=1_000)
            rows = [row for row, _ in search(population.store, query)]
            assert refs(rows) == refs(expected(population, query))

    def test_another_workspace_is_another_world(self, population: Population) -> None:
        for target, count in ((Target.MODELS, 1), (Target.VERSIONS, 0)):
            assert len(search(population.store, Query("other", target))) == count
            assert search(population.store, Query("nowhere", target)) == []

    def test_rows_that_come_between_pages_disturb_no_other_row(self, store: MetadataStore) -> None:
        rng = random.Random(7)  # noqa: S311
        auc = Field(Scope.VERSION, Namespace.METRIC, "auc", FieldType.NUMBER)
        order = (OrderBy(auc, descending=True), OrderBy(attribute(Target.VERSIONS, "stage")))

        def add(tx: Transaction, number: int) -> ModelVersion:
            metrics = {"auc": rng.choice([0.1, 0.5, 0.9])} if rng.random() < 0.8 else {}
            return tx.add_version(
                version_of("m", number, metrics=metrics, stage=rng.choice(STAGES))
            )

        add_model(store, "m")
        first = store.transact(name_key("m"), lambda tx: [add(tx, n) for n in range(1, 31)])
        query = Query(WORKSPACE, Target.VERSIONS, order=order, limit=4)
        seen: list[ModelVersion] = []
        number = 31
        while page := store.search_versions(query):
            seen += [version for version, _ in page]
            assert len({version.id for version in seen}) == len(seen)
            query = replace(query, after=page[-1][1])
            if number < 60:
                store.transact(
                    name_key("m"),
                    lambda tx: [add(tx, number + n) for n in range(3)],  # noqa: B023
                )
                number += 3
        assert refs(seen) == refs(ordered(seen, order))
        assert {version.id for version in first} <= {version.id for version in seen}

    def test_a_change_is_found_at_once(self, store: MetadataStore) -> None:
        model = add_model(store, model_of("m", tags={"a": "old"}))
        store.transact(
            name_key("m"),
            lambda tx: tx.add_version(
                version_of("m", 1, tags={"a": 1, "b": 1}, params={"a": "x"}, metrics={"a": 1.0})
            ),
        )

        def found(field: Field, value: Literal, target: Target = Target.VERSIONS) -> int:
            where = Comparison(field, Op.EQ, value)
            return len(search(store, Query(WORKSPACE, target, where)))

        tag = Field(Scope.VERSION, Namespace.TAG, "a", FieldType.DYNAMIC)
        other = replace(tag, name="b")
        param = replace(tag, namespace=Namespace.PARAM)
        metric = Field(Scope.VERSION, Namespace.METRIC, "a", FieldType.NUMBER)
        of_model = replace(tag, scope=Scope.MODEL)
        assert [found(tag, 1), found(other, 1), found(param, "x"), found(metric, 1.0)] == [1] * 4
        change_version(store, "m", 1, tags={"a": "1"}, params={}, metrics={"a": 2.0})
        assert [found(tag, 1), found(other, 1), found(param, "x"), found(metric, 1.0)] == [0] * 4
        assert [found(tag, "1"), found(metric, 2.0)] == [1, 1]
        change_model(store, ModelId(WORKSPACE, model.id), tags={"a": "new"}, name="n")
        for target in Target:
            assert found(of_model, "old", target) == 0
            assert found(of_model, "new", target) == 1
        assert found(attribute(Target.VERSIONS, "model"), "m") == 0
        assert found(attribute(Target.VERSIONS, "model"), "n") == 1
        store.transact(name_key("n"), lambda tx: tx.save_reference(alias_of("champion", 1)))
        assert found(attribute(Target.VERSIONS, "alias"), "champion") == 1
        assert found(attribute(Target.MODELS, "alias"), "champion", Target.MODELS) == 1
        assert store.transact(name_key("n"), lambda tx: version_in(tx, 1).aliases) == ("champion",)
