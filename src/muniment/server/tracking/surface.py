"""Which calls of MLflow's own application may be reached, and what each of them needs.

Deny by default: that application also has a model registry, webhooks, user accounts, a gateway with
secrets, an assistant, jobs. None of it is served. What is not named here is not there.

A call that only looks needs `runs.read`, however it is sent (searches are POSTs), every other one
`runs.write`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from muniment.domain.access import Verb

READ: Final = Verb.READ_RUNS
WRITE: Final = Verb.WRITE_RUNS


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path (a template of the routing), and the verb that it takes."""

    method: str
    path: str
    verb: Verb


_OF_CLIENTS: Final[dict[str, dict[str, dict[str, Verb]]]] = {
    "2.0": {
        "experiments/create": {"POST": WRITE},
        "experiments/get": {"GET": READ},
        "experiments/get-by-name": {"GET": READ},
        "experiments/search": {"GET": READ, "POST": READ},
        "experiments/update": {"POST": WRITE},
        "experiments/delete": {"POST": WRITE},
        "experiments/restore": {"POST": WRITE},
        "experiments/set-experiment-tag": {"POST": WRITE},
        "experiments/delete-experiment-tag": {"POST": WRITE},
        "runs/create": {"POST": WRITE},
        "runs/get": {"GET": READ},
        "runs/search": {"POST": READ},
        "runs/update": {"POST": WRITE},
        "runs/delete": {"POST": WRITE},
        "runs/restore": {"POST": WRITE},
        "runs/set-tag": {"POST": WRITE},
        "runs/delete-tag": {"POST": WRITE},
        "runs/log-batch": {"POST": WRITE},
        "runs/log-metric": {"POST": WRITE},
        "runs/log-parameter": {"POST": WRITE},
        "runs/log-inputs": {"POST": WRITE},
        "runs/log-model": {"POST": WRITE},
        "runs/outputs": {"POST": WRITE},
        "metrics/get-history": {"GET": READ},
        "metrics/get-history-bulk-interval": {"GET": READ},
        "artifacts/list": {"GET": READ},
        "logged-models": {"POST": WRITE},
        "logged-models/search": {"POST": READ},
        "logged-models/{model_id}": {"GET": READ, "PATCH": WRITE, "DELETE": WRITE},
        "logged-models/{model_id}/artifacts/directories": {"GET": READ},
        "logged-models/{model_id}/params": {"POST": WRITE},
        "logged-models/{model_id}/tags": {"PATCH": WRITE},
        "logged-models/{model_id}/tags/{key}": {"DELETE": WRITE},
        "traces": {"GET": READ, "POST": WRITE},
        "traces/delete-traces": {"POST": WRITE},
        "traces/link-prompts": {"POST": WRITE},
        "traces/link-to-run": {"POST": WRITE},
        "traces/{trace_id}": {"PATCH": WRITE},
        "traces/{trace_id}/info": {"GET": READ},
        "traces/{trace_id}/tags": {"PATCH": WRITE, "DELETE": WRITE},
    },
    "3.0": {
        "traces": {"POST": WRITE},
        "traces/search": {"POST": READ},
        "traces/get": {"GET": READ},
        "traces/batchGet": {"GET": READ},
        "traces/batchGetInfos": {"POST": READ},
        "traces/metrics": {"POST": READ},
        "traces/calculate-filter-correlation": {"POST": READ},
        "traces/delete-traces": {"POST": WRITE},
        "traces/{trace_id}": {"GET": READ},
        "traces/{trace_id}/tags": {"PATCH": WRITE, "DELETE": WRITE},
        "traces/{trace_id}/assessments": {"POST": WRITE},
        "traces/{trace_id}/assessments/{assessment_id}": {
            "GET": READ,
            "PATCH": WRITE,
            "DELETE": WRITE,
        },
        "datasets/create": {"POST": WRITE},
        "datasets/search": {"GET": READ, "POST": READ},
        "datasets/{dataset_id}": {"GET": READ, "DELETE": WRITE},
        "datasets/{dataset_id}/records": {"GET": READ, "POST": WRITE, "DELETE": WRITE},
        "datasets/{dataset_id}/experiment-ids": {"GET": READ},
        "datasets/{dataset_id}/add-experiments": {"POST": WRITE},
        "datasets/{dataset_id}/remove-experiments": {"POST": WRITE},
        "datasets/{dataset_id}/tags": {"PATCH": WRITE},
        "datasets/{dataset_id}/tags/{key}": {"DELETE": WRITE},
        "issues": {"POST": WRITE},
        "issues/search": {"POST": READ},
        "issues/{issue_id}": {"GET": READ, "PATCH": WRITE},
        "label-schemas/create": {"POST": WRITE},
        "label-schemas/get": {"GET": READ},
        "label-schemas/get-by-name": {"GET": READ},
        "label-schemas/list": {"GET": READ},
        "label-schemas/update": {"PATCH": WRITE},
        "label-schemas/delete": {"DELETE": WRITE},
        "scorers/register": {"POST": WRITE},
        "scorers/get": {"GET": READ},
        "scorers/list": {"GET": READ},
        "scorers/versions": {"GET": READ},
        "scorers/delete": {"DELETE": WRITE},
    },
}
_OF_PAGES: Final[dict[str, dict[str, dict[str, Verb]]]] = {
    "2.0": {
        "experiments/search-datasets": {"POST": READ},
        "metrics/get-history-bulk": {"GET": READ},
        "get-trace-artifact": {"GET": READ},
    },
    "3.0": {"get-trace-artifact": {"GET": READ}},
}


def operations() -> Iterator[Operation]:
    """Yield every call that may be reached: clients' under both prefixes, pages' under theirs."""
    for prefixes, calls in ((("api", "ajax-api"), _OF_CLIENTS), (("ajax-api",), _OF_PAGES)):
        for prefix in prefixes:
            for version, paths in calls.items():
                for path, methods in paths.items():
                    for method, verb in methods.items():
                        yield Operation(method, f"/{prefix}/{version}/mlflow/{path}", verb)
    yield Operation("POST", "/graphql", READ)  # it can only ask: its mutations are searches
