"""What a run of MLflow says of a model that came from it: experiment, data sets, commit."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from muniment.domain.lineage import Node, NodeKind, Origin, Relation
from muniment.domain.repositories import address_of, commit_node

SOURCE: Final = "mlflow"
"""Who noted such an origin."""

_CONTEXT: Final = "mlflow.data.context"
_COMMIT: Final = "mlflow.source.git.commit"
_REPOSITORY: Final = "mlflow.source.git.repoURL"
_EVALUATION: Final = ("eval", "test", "valid")  # what such a context begins with
_PLACES: Final = ("uri", "url", "path", "delta_table_name", "table_name", "name")
_MAX_ORIGINS: Final = 500


@dataclass(frozen=True, slots=True)
class DataUsed:
    """A data set as a run logs it; `source` is JSON, in a form that its type decides."""

    name: str
    digest: str
    source_type: str = ""
    source: str = ""
    tags: Mapping[str, str] | None = None

    def origin(self) -> Origin:
        """Return it as something that a version came from.

        MLflow's digests have 32 bits: only with its name does one tell a data set from others.
        """
        context = (self.tags or {}).get(_CONTEXT, "")
        evaluated = context.lower().startswith(_EVALUATION)
        node = Node(
            NodeKind.DATASET,
            f"{self.name}@{self.digest}",
            name=self.name,
            uri=_place(self.source),
            digest=self.digest,
            properties={
                key: value
                for key, value in (("source_type", self.source_type), ("context", context))
                if value
            },
        )
        return Origin(node, Relation.EVALUATED_ON if evaluated else Relation.TRAINED_ON, SOURCE)


def origins_of_run(
    *,
    experiment_id: str,
    experiment_name: str,
    place: str,
    data: Iterable[DataUsed],
    tags: Mapping[str, str],
) -> tuple[Origin, ...]:
    """Return what a run tells of: its experiment, the data that it used, the commit it ran from.

    `place` is where the experiment is known (small numbers name one in each tracking server); ""
    for the server that keeps the registry.
    """
    return tuple(_told(experiment_id, experiment_name, place, data, tags))[:_MAX_ORIGINS]


def _told(
    experiment_id: str,
    experiment_name: str,
    place: str,
    data: Iterable[DataUsed],
    tags: Mapping[str, str],
) -> Iterator[Origin]:
    if experiment_id:
        known_as = f"{experiment_id}@{place}" if place else experiment_id
        experiment = Node(NodeKind.EXPERIMENT, known_as, name=experiment_name, uri=place)
        yield Origin(experiment, Relation.PART_OF, SOURCE)
    if commit := tags.get(_COMMIT):
        repository = address_of(tags.get(_REPOSITORY, ""))
        yield Origin(commit_node(commit, repository), Relation.BUILT_FROM, SOURCE)
    for used in data:
        yield used.origin()


def _place(source: str) -> str:
    """Return the address in the description of a source, without credentials; "" if it has none."""
    try:
        described = json.loads(source)
    except ValueError:
        return ""
    if not isinstance(described, dict):
        return ""
    found = next((described[key] for key in _PLACES if isinstance(described.get(key), str)), "")
    return address_of(found) if "://" in found else found
