"""Several server processes over one registry, killed at random under a mixed load.

threads ── push, pull, promote, delete ──> any server ── killed -9, started again ──┐
   │            └── it is gone: the same to another one                             │
   └── what was acknowledged ──> Ledger ──── is all of it so in the end? <──────────┘
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

import muniment
from muniment.client.registry import Registry
from muniment.domain.values import sha256_hex
from muniment.errors import Conflict, NotFound, Unavailable

from .serving import ServerProcess

T = TypeVar("T")
SERVERS: Final = 4
THREADS: Final = 8
MODELS: Final = 5
CONTENTS: Final = 30
"""So many that bytes are deleted and pushed again all the time."""
LARGE: Final = 9_000_000
"""Bytes of what takes an upload of several requests."""
PATIENCE: Final = 90.0
"""Seconds in which one of the servers must do what it is asked."""
GRACE: Final = 60.0
"""Seconds that garbage collections under load leave bytes alone; longer than any push takes."""

Key = tuple[str, int]


@dataclass
class Ledger:
    """What was acknowledged, and what may have happened. Threads share it."""

    pushed: dict[Key, int] = field(default_factory=dict)
    """The version -> the push that it was acknowledged to."""
    deleting: set[Key] = field(default_factory=set)
    deleted: set[Key] = field(default_factory=set)
    promoted: list[tuple[Key, str]] = field(default_factory=list)
    """The version, and the comment of the promotion."""
    pulls: int = 0
    kills: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def any_version(self, rng: random.Random) -> Key | None:
        """Return a version that nobody deletes, if there is one."""
        with self.lock:
            live = sorted(self.pushed.keys() - self.deleting)
        return rng.choice(live) if live else None

    def __str__(self) -> str:
        return (
            f"{self.kills} kills; acknowledged: {len(self.pushed)} pushes, {self.pulls} pulls, "
            f"{len(self.promoted)} promotions, {len(self.deleted)} deletions"
        )


def content_of(push: int) -> bytes:
    """Return what a push sends; the same as some other pushes do."""
    rng = random.Random(push % CONTENTS)
    return rng.randbytes(LARGE if push % CONTENTS == 0 else 1 + rng.randrange(300_000))


class Chaos:
    """One run.

    Args:
        folder: for what the servers and clients keep on this machine.
        variables: the settings that say where the registry lives.
        seed: of what happens; when it happens is left to the machine.
    """

    def __init__(self, folder: Path, variables: Mapping[str, str], seed: int = 0) -> None:
        self.ledger = Ledger()
        self._folder = folder
        self._variables = variables
        self._random = random.Random(seed)
        self._numbers = iter(range(10**9))
        self._over = threading.Event()
        self._servers: dict[int, ServerProcess] = {}
        self._registries: list[Registry] = []
        self._open = ExitStack()

    def __enter__(self) -> Chaos:
        with ExitStack() as stack:
            stack.callback(self._stop)
            with ThreadPoolExecutor(SERVERS) as pool:
                list(pool.map(self._start, range(SERVERS)))
            for server in self._servers.values():
                registry = muniment.connect(
                    server.url, cache=self._folder / "cache", progress=False
                )
                self._registries.append(stack.enter_context(registry))
            self._open = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._open.close()

    def run(self, seconds: float, *, kill_every: float) -> None:
        """Let it happen for so long; then all servers are up, and nobody asks them anything."""
        end = time.monotonic() + seconds
        with ThreadPoolExecutor(THREADS) as pool:
            seeds = [self._random.random() for _ in range(THREADS)]
            loads = [pool.submit(self._load, random.Random(seed)) for seed in seeds]
            try:
                while time.monotonic() < end and not any(load.done() for load in loads):
                    time.sleep(kill_every * self._random.uniform(0.5, 1.5))
                    self._kill(self._random.randrange(SERVERS))
            finally:
                self._over.set()
            for load in loads:
                load.result()

    # -- servers ---------------------------------------------------------------------------------

    def _start(self, number: int, port: int = 0) -> None:
        home = self._folder / f"home-{number}"
        self._servers[number] = ServerProcess(home, port, variables=self._variables)

    def _kill(self, number: int) -> None:
        server = self._servers.pop(number)
        server.kill()
        self.ledger.kills += 1
        self._start(number, server.port)

    def _stop(self) -> None:
        for server in self._servers.values():
            server.stop()

    # -- load ------------------------------------------------------------------------------------

    def _load(self, rng: random.Random) -> None:
        acts = [self._push, self._pull, self._promote, self._delete, self._collect]
        while not self._over.is_set():
            (act,) = rng.choices(acts, [45, 25, 20, 9, 1])
            act(rng)

    def _push(self, rng: random.Random) -> None:
        with self.ledger.lock:
            push = next(self._numbers)
        model = f"m{push % MODELS}"
        content = content_of(push)
        made = self._ask(rng, lambda r: r.push(model, content, tags={"push": push}))
        with self.ledger.lock:
            assert (model, made.version) not in self.ledger.pushed, "one number, two pushes"
            self.ledger.pushed[model, made.version] = push

    def _pull(self, rng: random.Random) -> None:
        key = self.ledger.any_version(rng)
        if key is None:
            return

        def pull(registry: Registry) -> bytes:
            version = registry.version(_ref(key))
            (file,) = version.manifest().files
            return version.read(file.path)

        content = self._unless_deleted(rng, key, pull)
        if content is not None:
            assert content == content_of(self.ledger.pushed[key]), f"{key}: other bytes"
            with self.ledger.lock:
                self.ledger.pulls += 1

    def _promote(self, rng: random.Random) -> None:
        key = self.ledger.any_version(rng)
        if key is None:
            return
        comment = f"{rng.getrandbits(64):x}"

        def promote(registry: Registry) -> bool:
            # By a server that died before it could say so; or not yet, since another thread had
            # just moved it to that very stage.
            while all(one.comment != comment for one in registry.history(key[0], version=key[1])):
                present = registry.version(_ref(key)).stage
                stage = "Production" if present == "Staging" else "Staging"
                registry.move_to_stage(_ref(key), stage, comment=comment)
            registry.set_alias(_ref(key), "champion")
            return True

        if self._unless_deleted(rng, key, promote):
            with self.ledger.lock:
                self.ledger.promoted.append((key, comment))

    def _delete(self, rng: random.Random) -> None:
        key = self.ledger.any_version(rng)
        if key is None:
            return
        with self.ledger.lock:
            if key in self.ledger.deleting:
                return
            self.ledger.deleting.add(key)

        def delete(registry: Registry) -> None:
            with suppress(NotFound):  # deleted by a server that died before it could say so
                registry.delete_version(_ref(key), force=True)

        self._ask(rng, delete)
        with self.ledger.lock:
            self.ledger.deleted.add(key)

    def _collect(self, rng: random.Random) -> None:
        self._ask(rng, lambda r: r.collect_garbage(restore_window=0, grace=GRACE))

    def _unless_deleted(
        self, rng: random.Random, key: Key, call: Callable[[Registry], T]
    ) -> T | None:
        try:
            return self._ask(rng, call)
        except (NotFound, Conflict):
            with self.ledger.lock:
                assert key in self.ledger.deleting, f"{key} is gone"
            return None

    def _ask(self, rng: random.Random, call: Callable[[Registry], T]) -> T:
        """Ask servers at random until one answers."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return call(rng.choice(self._registries))
            except Unavailable:
                assert time.monotonic() < end, "no server answers"
                time.sleep(0.05)

    # -- afterwards ------------------------------------------------------------------------------

    def check(self) -> None:
        """Assert that nothing acknowledged is lost, that all verifies, and what garbage is."""
        registry, ledger = self._registries[0], self.ledger
        live = {(v.model, v.version): v for v in registry.versions()}
        kept = ledger.pushed.keys() - ledger.deleting
        assert live.keys() >= kept, f"lost: {sorted(kept - live.keys())}"
        assert not live.keys() & ledger.deleted, "deleted versions are back"
        for key, version in live.items():
            if key in ledger.pushed:
                assert version.tags["push"] == ledger.pushed[key]
        self._check_histories(registry)
        # Last of all: it must take the garbage, and nothing else.
        registry.collect_garbage(restore_window=0, grace=0)
        report = registry.collect_garbage(restore_window=0, grace=0)
        assert (report.blobs, report.uploads, report.purged_versions) == (0, 0, 0)
        needed = {version.digest for version in live.values()}
        for version in live.values():
            content = content_of(int(str(version.tags["push"])))
            needed.add(sha256_hex(content))
            (file,) = version.manifest().files
            assert version.read(file.path) == content
            assert registry.verify(version.ref).ok
        assert report.kept_blobs == len(needed)

    def _check_histories(self, registry: Registry) -> None:
        comments = set()
        for model in registry.models():
            made = []
            for entry in registry.history(model.name, newest_first=False):
                comments.add(((model.name, entry.version), entry.comment))
                if entry.kind == "version.created":
                    made.append(entry.version)
            assert made == list(range(1, len(made) + 1)), f"{model.name}: versions with gaps"
            assert registry.backend.catalog.verify_history(model.name) > 0
        lost = set(self.ledger.promoted) - comments
        assert not lost, f"lost promotions: {lost}"
        registry.backend.administration.verify_audit()


def _ref(key: Key) -> str:
    return f"{key[0]}/{key[1]}"
