"""Scale: the same requests at 1,000 versions and at up to 1,000,000.

Each request finds as many rows at every size. The registries are grown (`bench.growing`), each has
a server of its own, and the servers are asked in turn, one request after the other. Before each
request a tag is set: a server remembers pages for as long as nothing has changed, and with 1,000
versions there are few different ones.

A search by tag finds a hundred versions in a hundred places. Of 1,000 versions all are in memory,
ready made; of 100,000 and of 1,000,000 those are read and made, which takes as long in both.
"""

from __future__ import annotations

import http.client
import json
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from bench import Figure, Finding, Notebook
from bench.content import Size, model_name, run_of, sweep_of
from bench.growing import grow
from bench.servers import muniment

TARGET: Final = 1.5
ROWS: Final = 100  # of a page
_SIZES: Final = (Size(100, 10), Size(10_000, 10), Size(100_000, 10))
_ONE_MODEL: Final = (Size(1, 1_000), Size(1, 200_000))
_QUICK: Final = ((Size(100, 10), Size(300, 10)), (Size(1, 1_000), Size(1, 3_000)))
_CHANGE: Final = "MLflow: set tag"
_ASKED: Final = 40  # requests of a kind in one round
_ASKED_QUICKLY: Final = 3

_MLFLOW: Final = "/api/2.0/mlflow"
_NATIVE: Final = "/api/v1"


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent: `body` as JSON."""

    method: str
    path: str
    body: Mapping[str, object] | None = None


@dataclass
class Registry:
    """A grown registry behind its server."""

    size: Size
    connection: http.client.HTTPConnection
    random: random.Random = field(default_factory=lambda: random.Random(1))
    sent: int = 0
    pages: dict[str, str] = field(default_factory=dict)  # search -> token of a page deep in it

    def model(self) -> str:
        """Return the name of some model."""
        return model_name(self.random.randrange(self.size.models))

    def number(self) -> int:
        """Return the number of some version; not of the first, which the writes change."""
        return self.random.randrange(2, self.size.versions)

    def serial(self) -> int:
        """Return some version's place among all."""
        return self.random.randrange(self.size.all_versions)

    def next(self) -> int:
        """Return a number that no request had before."""
        self.sent += 1
        return self.sent

    def ask(self, request: Request) -> Any:
        """Send a request; return its answer. Raises RuntimeError if it is refused."""
        body = None if request.body is None else json.dumps(request.body)
        headers = {} if body is None else {"Content-Type": "application/json"}
        self.connection.request(request.method, request.path, body, headers)
        answer = self.connection.getresponse()
        said = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{request}: {answer.status} {said[:300]!r}")
        return json.loads(said)

    def taken(self, make: Callable[[Registry], Request]) -> float:
        """Return the milliseconds that such a request takes."""
        request = make(self)
        begun = perf_counter()
        self.ask(request)
        return (perf_counter() - begun) * 1e3


# -- what is asked -------------------------------------------------------------------------------


def _get(path: str, **query: object) -> Request:
    return Request("GET", f"{path}?{urlencode(query, quote_via=quote)}")


def _mlflow(path: str, **query: object) -> Request:
    return _get(f"{_MLFLOW}/{path}", **query)


def _mlflow_search(filter: str = "", **more: object) -> Request:
    return _mlflow("model-versions/search", filter=filter, max_results=ROWS, **more)


def _native_search(filter: str = "", **more: object) -> Request:
    return _get(f"{_NATIVE}/versions", filter=filter, page_size=ROWS, **more)


def _post(path: str, **body: object) -> Request:
    return Request("POST", path, body)


def _of_sweep(tag: str) -> Callable[[Registry], str]:
    return lambda r: f"{tag}.sweep = '{sweep_of(r.serial())}'"


def _deep(search: str) -> Callable[[Registry], Request]:
    def request(registry: Registry) -> Request:
        method, token = _DEEP[search], registry.pages[search]
        return method(page_token=token)

    return request


_DEEP: Final[Mapping[str, Callable[..., Request]]] = {
    "MLflow": _mlflow_search,
    "native": _native_search,
    "native, by metric": lambda **more: _native_search(order_by="metrics.auc DESC", **more),
}

REQUESTS: Final[Mapping[str, Callable[[Registry], Request]]] = {
    "MLflow: get version": lambda r: _mlflow(
        "model-versions/get", name=r.model(), version=r.number()
    ),
    "MLflow: get by alias": lambda r: _mlflow(
        "registered-models/alias", name=r.model(), alias="champion"
    ),
    "MLflow: get model": lambda r: _mlflow("registered-models/get", name=r.model()),
    "MLflow: create version": lambda r: _post(
        f"{_MLFLOW}/model-versions/create",
        name=r.model(),
        source=f"s3://new/{r.next()}",
        tags=[{"key": "team", "value": "risk"}],
    ),
    "MLflow: set tag": lambda r: _post(
        f"{_MLFLOW}/model-versions/set-tag",
        name=r.model(),
        version=str(r.number()),
        key="note",
        value=f"note {r.next()}",
    ),
    "MLflow: transition": lambda r: _post(
        f"{_MLFLOW}/model-versions/transition-stage",
        name=r.model(),
        version="1",
        stage=("None", "Archived")[r.next() % 2],
        archive_existing_versions=False,
    ),
    "MLflow: search, one model": lambda r: _mlflow_search(f"name = '{r.model()}'"),
    "MLflow: search by tag": lambda r: _mlflow_search(_of_sweep("tags")(r)),
    "MLflow: search by run": lambda r: _mlflow_search(f"run_id = '{run_of(r.serial() // 4 * 4)}'"),
    "MLflow: search, latest first": lambda r: _mlflow_search(),
    "MLflow: search, by name": lambda r: _mlflow_search(order_by="name ASC"),
    "MLflow: search, by time created": lambda r: _mlflow_search(order_by="creation_timestamp DESC"),
    "MLflow: search, deep page": _deep("MLflow"),
    "MLflow: search models by name": lambda r: _mlflow(
        "registered-models/search", filter=f"name LIKE '{r.model()[:-1]}%'", max_results=10
    ),
    "native: get version": lambda r: _get(f"{_NATIVE}/models/{r.model()}/versions/{r.number()}"),
    "native: search by tag": lambda r: _native_search(_of_sweep("tags")(r)),
    "native: search by param that many have": lambda r: _native_search(
        f"params.depth = {r.next() % 12}"
    ),
    "native: search by metric that many reach": lambda r: _native_search(
        f"metrics.auc > {0.8 + r.random.random() / 100:.6f}"
    ),
    "native: search by metric that 100 reach": lambda r: _native_search(
        f"metrics.auc > {1 - ROWS / 2 / r.size.all_versions:.9f}"
    ),
    "native: search by stage": lambda r: _native_search("stage = 'Production'"),
    "native: search by stage, latest first": lambda r: _native_search(
        "stage = 'Production'", order_by="updated_at DESC"
    ),
    "native: search by status": lambda r: _native_search("status = 'FAILED'"),
    "native: search by run": lambda r: _native_search(f"run_id = '{run_of(r.serial() // 4 * 4)}'"),
    "native: search, newest first": lambda r: _native_search(),
    "native: search, by name": lambda r: _native_search(order_by="model"),
    "native: search, by time updated": lambda r: _native_search(order_by="updated_at DESC"),
    "native: search, best metric first": lambda r: _native_search(order_by="metrics.auc DESC"),
    "native: search, deep page": _deep("native"),
    "native: search, deep page by metric": _deep("native, by metric"),
    "native: one model, best metric first": lambda r: _get(
        f"{_NATIVE}/models/{r.model()}/versions", order_by="metrics.auc DESC", page_size=ROWS
    ),
    "native: one model, history of a version": lambda r: _get(
        f"{_NATIVE}/models/{r.model()}/activities", version=r.number()
    ),
}


# -- measuring -----------------------------------------------------------------------------------


def run(notebook: Notebook) -> None:
    """Measure registries of many models, then those of one."""
    for sizes, group in zip(
        _QUICK if notebook.quick else (_SIZES, _ONE_MODEL),
        ("models of ten versions", "one model"),
        strict=True,
    ):
        base, *larger = sizes
        for size in larger:
            _compare(notebook, base, size, group)


def _compare(notebook: Notebook, base: Size, size: Size, group: str) -> None:
    named = f"{size.all_versions:,} versions, {group}"
    with ExitStack() as stack:
        small, large = (stack.enter_context(_served(notebook, s)) for s in (base, size))
        for what, make in REQUESTS.items():
            in_small, in_large = _p50s(small, large, make, notebook)
            notebook.note(
                Finding(
                    named,
                    what,
                    Figure(in_large, "ms"),
                    Figure(in_small, "ms"),
                    f"{base.all_versions:,} versions",
                    more_is_better=False,
                    target=TARGET,
                )
            )


def _p50s(
    small: Registry, large: Registry, make: Callable[[Registry], Request], notebook: Notebook
) -> tuple[list[float], list[float]]:
    """Return the medians of the rounds; in a round, every other request goes to the same server."""
    change = REQUESTS[_CHANGE]
    times = _ASKED_QUICKLY if notebook.quick else _ASKED
    in_small, in_large = [], []
    for registry in (small, large):
        registry.connection.close()  # else the server would, after a while, and the first fails
        registry.taken(make)
    for _ in range(notebook.rounds):
        pairs = []
        for _ in range(times):
            small.ask(change(small))
            large.ask(change(large))
            pairs.append((small.taken(make), large.taken(make)))
        in_small.append(median(one for one, _ in pairs))
        in_large.append(median(other for _, other in pairs))
    return in_small, in_large


@contextmanager
def _served(notebook: Notebook, size: Size) -> Iterator[Registry]:
    """Yield a registry of that size, which is grown if there is none yet."""
    home = notebook.scratch / f"{size.models}-models-{size.all_versions}-versions"
    if not home.exists():
        home.mkdir()
        grow(home / "muniment.db", size)
    with muniment(home, settings={"MUNIMENT_CHECKS_EVERY": "0"}) as server:
        address = urlsplit(server.url)
        connection = http.client.HTTPConnection(address.netloc, timeout=60)
        registry = Registry(size, connection)
        for search in _DEEP:
            registry.pages[search] = _token_of_deep_page(registry, search)
        yield registry
        connection.close()


def _token_of_deep_page(registry: Registry, search: str) -> str:
    """Go to the page in the middle, or the thousandth; return its token."""
    token, request = "", _DEEP[search]
    for _ in range(min(1_000, registry.size.all_versions // ROWS // 2)):
        said = registry.ask(request(page_token=token) if token else request())
        token = said["next_page_token"]
    return token
