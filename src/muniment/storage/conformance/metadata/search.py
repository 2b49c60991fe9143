"""Searching: what a store finds is what `muniment.domain.evaluate` says, in order, page by page."""

# ruff: noqa: D102, S101  (a test's name says what it shows, and tests assert)

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muniment.domain.entities import ModelVersion, RegisteredModel, Status
from muniment.domain.evaluate import matches, model_matches
from muniment.domain.filters import MAX_COMPARISONS, MAX_DEPTH, MAX_IN_VALUES
from muniment.domain.paging import encode_token, resume, search_id
from muniment.domain.query import (
    MODEL_ATTRIBUTES,
    VERSION_ATTRIBUTES,
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
from muniment.domain.values import Value
from muniment.storage.conformance.metadata.contract import (
    NOON,
    WORKSPACE,
    MetadataContract,
    add_model,
    alias_of,
    change_model,
    change_version,
    digest,
    later,
    model_of,
    name_key,
    version_in,
    version_of,
)
from muniment.storage.metadata import MetadataStore, ModelId, Transaction

T = TypeVar("T", RegisteredModel, ModelVersion)
Row: TypeAlias = tuple[RegisteredModel | ModelVersion, Cursor]

# -- a population of models and versions, the same in every run ----------------------------------

NAMES: Final = [
    *("fraud", "Fraud", "fraud_1", "fraud%", "fraud\\1", "it's", '"quoted"', "a", "aa", "b a"),
    *("Ä", "ä", "é", "e\u0301", "Straße", "\uff5e", "🙂", "🙂🙂", "k", "\u212a", "K", "z" * 2_000),
    *("null", "1", "%", "_", "\\", "x\\%", "x\\_y"),
]
TEXTS: Final = [
    *("", "a", "A", "ab", "a%", "a_", "a\\", "1", "true", "é", "🙂", "it's", "x" * 300 + "y"),
]
NUMBERS: Final = [0, 1, 2, -1, 3, 2**53, 2**53 + 1, 2**63 - 1, -(2**63), 0.0, 1.0, 0.5, 1.5, -1.5]
VALUES: Final[list[Value]] = [*TEXTS, *NUMBERS, True, False]
METRICS: Final = [0.0, 1.0, 0.5, 0.9, -1.5, 1e300, 1e-300, 0.1 + 0.2]
TIMES: Final = [later(seconds) for seconds in (-86_400, -0.001, 0, 0.001, 1, 86_400)]
KEYS: Final = ["a", "A", "a.b", "team name", "ä", "never"]
STAGES: Final = ["None", "Staging", "Production", "production", "Archived"]
ALIASES: Final = ["champion", "Champion", "challenger"]


@dataclass(frozen=True)
class Population:
    """A store, and all that is in it: every model of the workspace with its versions."""

    store: MetadataStore
    models: list[tuple[RegisteredModel, list[ModelVersion]]]


def some(rng: random.Random, values: Sequence[Any], chance: float = 0.5) -> dict[str, Any]:
    """Return values under some of the keys, but for the one that is never used."""
    return {key: rng.choice(values) for key in KEYS[:-1] if rng.random() < chance}


def populate(store: MetadataStore) -> Population:
    """Fill a store and return what is in it, as it says itself."""
    rng = random.Random(20_261_121)  # noqa: S311
    store.ensure_workspace(WORKSPACE, NOON)
    store.ensure_workspace("other", NOON)
    ids = [add_random_model(store, rng, name, n) for n, name in enumerate(NAMES)]
    add_model(store, model_of("fraud", workspace="other", tags={"a": "a"}))
    return Population(store, [members(store, model_id) for model_id in ids])


def add_random_model(store: MetadataStore, rng: random.Random, name: str, n: int) -> int:
    """Add a model with up to five versions, some deleted; return its id."""
    model = model_of(
        name,
        slug=f"slug-{n}",
        created_at=rng.choice(TIMES),
        updated_at=rng.choice(TIMES),
        created_by=rng.choice(TEXTS),
        description=rng.choice(TEXTS),
        tags=some(rng, VALUES),
        latest=rng.choice([None, 1, 2]),
        version_count=rng.randrange(4),
        last_number=5,
        deleted_at=NOON if rng.random() < 0.2 else None,
    )

    def decide(tx: Transaction) -> int:
        added = tx.add_model(model)
        live = []
        for number in range(1, rng.randrange(6)):
            version = tx.add_version(random_version(rng, name, number))
            if version.deleted_at is None:
                live.append(number)
        for alias in ALIASES:
            if live and rng.random() < 0.4:
                tx.save_reference(alias_of(alias, rng.choice(live)))
        return added.id

    return store.transact(name_key(name), decide)


def random_version(rng: random.Random, model: str, number: int) -> ModelVersion:
    """Return a version with random values in every field that can be searched."""
    return version_of(
        model,
        number,
        label=f"{number}.0" if rng.random() < 0.4 else None,
        status=rng.choice(list(Status)),
        stage=rng.choice(STAGES),
        description=rng.choice(TEXTS),
        framework=rng.choice(TEXTS),
        source_uri=rng.choice(TEXTS),
        run_id=rng.choice(TEXTS),
        digest=rng.choice([None, digest("a"), digest("b")]),
        size=rng.choice([0, 1, 1_000, 2**53 + 1]),
        file_count=rng.randrange(3),
        created_by=rng.choice(TEXTS),
        created_at=rng.choice(TIMES),
        updated_at=rng.choice(TIMES),
        tags=some(rng, VALUES),
        params=some(rng, VALUES),
        metrics=some(rng, METRICS),
        deleted_at=NOON if rng.random() < 0.2 else None,
    )


def members(store: MetadataStore, model_id: int) -> tuple[RegisteredModel, list[ModelVersion]]:
    """Return a model and all its versions, deleted ones too."""
    key = ModelId(WORKSPACE, model_id)
    model = store.model(key)
    assert model is not None
    numbers = range(1, model.last_number + 1)
    found = store.transact(key, lambda tx: [tx.version(number) for number in numbers])
    return model, [version for version in found if version is not None]


# -- what must be found --------------------------------------------------------------------------


def expected(population: Population, query: Query) -> list[RegisteredModel | ModelVersion]:
    """Return all that a query must find, in order, whatever its cursor and limit."""
    found: list[RegisteredModel | ModelVersion] = []
    for model, versions in population.models:
        if query.target is Target.MODELS:
            live = [version for version in versions if version.deleted_at is None]
            visible = (model.deleted_at is not None) == query.deleted
            if visible and (query.where is None or model_matches(query.where, model, live)):
                found.append(model)
        elif model.deleted_at is None and query.model in (None, model.name):
            found += [
                version
                for version in versions
                if (version.deleted_at is not None) == query.deleted
                and (query.where is None or matches(query.where, model, version))
            ]
    return ordered(found, query.order)


def ordered(
    rows: Sequence[RegisteredModel | ModelVersion], order: Sequence[OrderBy]
) -> list[RegisteredModel | ModelVersion]:
    """Return the rows in order: those without a field last, ties by id."""
    result = sorted(rows, key=lambda row: row.id)
    for by in reversed(order):
        has = [row for row in result if sort_value(row, by.field) is not None]
        lacks = [row for row in result if sort_value(row, by.field) is None]
        has.sort(key=lambda row: sort_value(row, by.field), reverse=by.descending)
        result = has + lacks
    return result


def sort_value(row: RegisteredModel | ModelVersion, field: Field) -> Any:
    """Return what a row is ordered by."""
    if field.namespace is Namespace.METRIC:
        assert isinstance(row, ModelVersion)
        return row.metrics.get(field.name)
    return getattr(row, field.name)


def search(store: MetadataStore, query: Query) -> Sequence[Row]:
    """Run a query of either target."""
    if query.target is Target.MODELS:
        return store.search_models(query)
    return store.search_versions(query)


def refs(rows: Sequence[RegisteredModel | ModelVersion]) -> list[str]:
    """Return what tells rows apart for a reader: `7 name` or `7 name/3`."""
    return [f"{row.id} {row.ref if isinstance(row, ModelVersion) else row.name}" for row in rows]


# -- random queries ------------------------------------------------------------------------------

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


def literals(field: Field) -> st.SearchStrategy[Literal]:
    """Return values that fit a field, mostly such as are there."""
    if field.namespace is Namespace.METRIC:
        return st.sampled_from(METRICS)
    match field.type:
        case FieldType.DYNAMIC:
            return st.sampled_from(VALUES)
        case FieldType.TIME:
            return st.sampled_from(TIMES)
        case FieldType.INTEGER | FieldType.NUMBER:
            return st.sampled_from([0, 1, 2, 5, 1_000, 2**53 + 1, 1.0, 1.5, -1])
        case FieldType.STRING:
            return st.sampled_from(
                [*NAMES, *TEXTS, *STAGES, *ALIASES, *Status, "1.0", "slug-1", digest("a")]
            ).map(str)


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
def queries(draw: st.DrawFn) -> Query:
    """Return a query for either target, with any filter and order."""
    target = draw(st.sampled_from(list(Target)))
    order = st.lists(
        st.builds(OrderBy, st.sampled_from(sortable(target)), st.booleans()),
        max_size=5,
        unique_by=lambda by: by.field,
    )
    return Query(
        workspace=WORKSPACE,
        target=target,
        where=draw(st.none() | EXPRESSIONS),
        order=tuple(draw(order)),
        limit=1_000,
        deleted=draw(st.booleans()),
        model=draw(st.none() | st.sampled_from(NAMES)) if target is Target.VERSIONS else None,
    )


def examples(count: int) -> settings:
    """Return settings for a test that runs for several stores, each a class of its own."""
    health = [HealthCheck.differing_executors, HealthCheck.too_slow]
    return settings(max_examples=count, deadline=None, suppress_health_check=health)


class SearchSuite(MetadataContract):
    """`search_models` and `search_versions`."""

    @pytest.fixture(scope="class")
    @classmethod
    def population(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Population]:
        """Yield a filled store, which no test may change."""
        store = cls.open_store(tmp_path_factory.mktemp("population") / "store")
        yield populate(store)
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

    @examples(60)
    @given(query=queries(), limit=st.integers(1, 40))
    def test_pages_show_every_row_once_and_in_order(
        self, population: Population, query: Query, limit: int
    ) -> None:
        seen: list[RegisteredModel | ModelVersion] = []
        page_query, identity = replace(query, limit=limit), search_id(query)
        while page := search(population.store, page_query):
            assert len(page) <= limit
            for row, cursor in page:
                assert len(cursor) == len(query.order) + 1
                assert cursor[-1] == row.id
                seen.append(row)
            # through a token, as pages really go on
            page_query = resume(page_query, encode_token(page[-1][1], search=identity))
        assert refs(seen) == refs(expected(population, query))

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
            query = replace(query, after=page[-1][1])
            if number < 60:
                store.transact(
                    name_key("m"),
                    lambda tx: [add(tx, number + n) for n in range(3)],  # noqa: B023
                )
                number += 3
        assert refs(seen) == refs(ordered(seen, order))
        assert len({version.id for version in seen}) == len(seen)
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
