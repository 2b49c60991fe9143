"""A population of models and versions to search in, and what a search of it must find."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from muniment.domain.checks import CheckState
from muniment.domain.entities import ModelVersion, RegisteredModel, Status
from muniment.domain.evaluate import matches, model_matches
from muniment.domain.query import Field, Namespace, OrderBy, Query, Target
from muniment.domain.values import Value
from muniment.storage.conformance.metadata.contract import (
    NOON,
    WORKSPACE,
    add_model,
    alias_of,
    digest,
    later,
    model_of,
    name_key,
    version_of,
)
from muniment.storage.metadata import MetadataStore, ModelId, Transaction

NAMES: Final = [
    *("fraud", "Fraud", "fraud_1", "fraud%", "fraud\\1", "it's", '"quoted"', "a", "aa", "b a"),
    *("Ä", "ä", "é", "e\u0301", "Straße", "\uff5e", "🙂", "🙂🙂", "k", "\u212a", "K", "z" * 2_000),
    *("null", "1", "%", "_", "\\", "x\\%", "x\\_y"),
]
CROWD: Final = [f"{NAMES[n % len(NAMES)][:20]}-{n}" for n in range(1_200)]
LONG: Final = "x" * 1_000
TEXTS: Final = [
    *("", "a", "A", "ab", "a%", "a_", "a\\", "1", "true", "é", "🙂", "it's"),
    *(LONG, LONG + "y", LONG + "z"),
]
INTEGERS: Final = [0, 1, 2, -1, 1_000, 2**53, 2**53 + 1, 2**63 - 1, -(2**63)]
DOUBLES: Final = [0.0, 1.0, 0.5, 1.5, -1.5, 0.1 + 0.2, float(2**53), float(2**63), -float(2**63)]
VALUES: Final[list[Value]] = [*TEXTS, *INTEGERS, *DOUBLES, True, False]
TIMES: Final = [later(seconds) for seconds in (-86_400, -0.001, 0, 0.001, 1, 86_400)]
KEYS: Final = ["a", "A", "a.b", "team name", "ä", "never"]
STAGES: Final = ["None", "Staging", "Production", "production", "Archived"]
ALIASES: Final = ["champion", "Champion", "challenger"]


@dataclass(frozen=True)
class Population:
    """A store, and all that is in it: every model of the workspace with its versions."""

    store: MetadataStore
    models: list[tuple[RegisteredModel, list[ModelVersion]]]


def some(rng: random.Random, values: Sequence[Any]) -> dict[str, Any]:
    """Return values under some of the keys, but for the one that is never used."""
    return {key: rng.choice(values) for key in KEYS[:-1] if rng.random() < 0.7}


def populate(store: MetadataStore, names: Sequence[str]) -> Population:
    """Fill a store with models of these names; return what is in it, as it says itself."""
    rng = random.Random(20_261_121)  # noqa: S311
    store.ensure_workspace(WORKSPACE, NOON)
    store.ensure_workspace("other", NOON)
    ids = [add_random_model(store, rng, name, n) for n, name in enumerate(names)]
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
        checks=rng.choice(list(CheckState)),
        stage=rng.choice(STAGES),
        description=rng.choice(TEXTS),
        framework=rng.choice(TEXTS),
        source_uri=rng.choice(TEXTS),
        run_id=rng.choice(TEXTS),
        digest=rng.choice([None, digest("a"), digest("b")]),
        size=rng.choice([0, 1, 1_000, 2**53 + 1, 2**63 - 1]),
        file_count=rng.randrange(3),
        created_by=rng.choice(TEXTS),
        created_at=rng.choice(TIMES),
        updated_at=rng.choice(TIMES),
        tags=some(rng, VALUES),
        params=some(rng, VALUES),
        metrics=some(rng, DOUBLES),
        deleted_at=NOON if rng.random() < 0.2 else None,
    )


def members(store: MetadataStore, model_id: int) -> tuple[RegisteredModel, list[ModelVersion]]:
    """Return a model and all its versions, deleted ones too."""
    key = ModelId(WORKSPACE, model_id)
    model = store.model(key)
    assert model is not None  # noqa: S101
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
    if isinstance(row, ModelVersion) and field.namespace is Namespace.METRIC:
        return row.metrics.get(field.name)
    return getattr(row, field.name)
