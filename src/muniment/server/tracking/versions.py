"""The registry as MLflow's application sees it: versions to look at, and nothing else.

GraphQL alone asks it, for the versions that came of a run. They are ours, and only those that
whoever sent the request may see.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from google.protobuf.json_format import ParseDict
from mlflow.exceptions import MlflowException
from mlflow.protos.model_registry_pb2 import ModelVersion
from mlflow.store.entities import PagedList

from muniment.domain.query import Target
from muniment.server.mlflow.documents import listed_version
from muniment.server.mlflow.search import parse_filter, parse_order
from muniment.server.tracking.errors import told_to_mlflow
from muniment.server.tracking.mount import ACTING

_PAGE = 1_000


class VersionsOnly:
    """What stands in the place of MLflow's registry store in this process."""

    def __init__(self, store_uri: str | None = None) -> None: ...

    def search_model_versions(
        self,
        filter_string: str | None = None,
        max_results: int | None = None,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> Any:
        """Return a page of versions that the caller may read."""
        with told_to_mlflow():
            page = ACTING.get().catalog.find_versions(
                parse_filter(filter_string or "", Target.VERSIONS),
                parse_order(list(order_by or ()), Target.VERSIONS),
                page_size=min(max_results or _PAGE, _PAGE),
                page_token=page_token or "",
            )
        found = [_Version(listed_version(item)) for item in page.items]
        return PagedList(found, page.next_token)

    def __getattr__(self, name: str) -> NoReturn:
        raise MlflowException(f"MLflow's application can't do {name} in this server.")


@dataclass(frozen=True, slots=True)
class _Version:
    """A version as MLflow's handlers take it."""

    document: dict[str, object]

    def to_proto(self) -> Any:
        """Return MLflow's message."""
        return ParseDict(self.document, ModelVersion(), ignore_unknown_fields=True)
