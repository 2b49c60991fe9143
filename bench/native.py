"""Metadata through the native API

The same registry as for MLflow's protocol, and the same questions, put to Muniment in its own API:
one process over SQLite and a folder. Beside it the same server through MLflow's protocol, and, with
`--peer`, MLflow's server at its best. Answers hold more than MLflow's do.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Final

from bench import Notebook, protocol, servers
from bench.comparing import Comparison, Side
from bench.filling import copy_of_filled, size_of
from bench.load import Call

API: Final = "/api/v1"
MODEL: Final = f"{API}/models/model-<model>"
VERSION: Final = f"{MODEL}/versions/<version>"
PAGE: Final = "page_size=100"

READS: Final = {
    Call("get version", "GET", VERSION): protocol.GET_VERSION,
    Call("get by alias", "GET", f"{API}/resolve?ref=model-<model>@champion"): protocol.BY_ALIAS,
    Call("get model", "GET", MODEL): protocol.GET_MODEL,
    Call("search by name", "GET", f"{MODEL}/versions?{PAGE}"): protocol.BY_NAME,
    Call(
        "search by tag", "GET", f"{API}/versions?{PAGE}&filter=tags.run%3D%27<run>%27"
    ): protocol.BY_TAG,
}
WRITES: Final = {
    Call("set tag", "PATCH", VERSION, '{"tags":{"reviewed":"<n>"}}'): protocol.SET_TAG,
    Call("transition", "POST", f"{VERSION}/stage", '{"stage":"<stage>"}'): protocol.TRANSITION,
    Call(
        "create version",
        "POST",
        f"{MODEL}/versions",
        '{"source_uri":"s3://models/<n>","tags":{"run":"n<n>"}}',
    ): protocol.CREATE_VERSION,
    Call(
        "create model", "POST", f"{API}/models", '{"name":"native-<n>","tags":{"team":"risk"}}'
    ): protocol.CREATE_MODEL,
}
"""Calls, and what they are in MLflow's protocol."""


def run(notebook: Notebook) -> None:
    size = size_of(notebook)
    print(f"  {size.models} models, {size}; searches answer {size.versions} rows")
    with ExitStack() as ending:
        ours = ending.enter_context(servers.muniment(copy_of_filled(notebook, servers.muniment)))
        others = [("MLflow's protocol", ours)]
        if notebook.peer:
            home = copy_of_filled(notebook, servers.mlflow)
            others.append(("MLflow", ending.enter_context(servers.mlflow(home))))
        comparison = Comparison(notebook, size)
        for calls in (READS, WRITES):  # reads first, while there is what was filled
            sides = [
                (Side("native", ours, call), *(Side(name, at, same) for name, at in others))
                for call, same in calls.items()
            ]
            comparison.rates(sides, [None] * len(sides))
            comparison.medians(sides)
