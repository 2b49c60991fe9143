"""Loading a model that is in the cache: what `load` adds to deserialising its file plainly.

Over HTTP: the server is asked which version is meant, for every load.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import joblib
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier

import muniment
from bench import Figure, Finding, Notebook
from bench import servers as serving

TARGET_MS = 5.0
LOADS, QUICK_LOADS = 20, 3


def milliseconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1_000


def forest() -> RandomForestClassifier:
    features, classes = make_classification(1_000, random_state=0)
    return RandomForestClassifier(10, random_state=0).fit(features, classes)


def run(notebook: Notebook) -> None:
    loads = QUICK_LOADS if notebook.quick else LOADS
    with (
        serving.muniment(notebook.scratch / "home") as server,
        muniment.connect(server.url, cache=notebook.scratch / "cache", progress=False) as registry,
    ):
        version = registry.push("forest", forest(), alias="best")
        (file,) = Path(registry.pull(version.ref)).glob("*.joblib")

        def load() -> object:
            return registry.load("forest@best", trust=True)

        added, plain = [], []
        load()
        for _ in range(notebook.rounds):
            ours, bare = [], []
            for _ in range(loads):
                ours.append(milliseconds(load))
                bare.append(milliseconds(lambda: joblib.load(file)))
            added.append(median(ours) - median(bare))
            plain.append(median(bare))
    notebook.note(
        Finding(
            "A forest of 10 trees, in the cache",
            "load() adds to joblib.load()",
            Figure(added, "ms"),
            more_is_better=False,
            target=TARGET_MS,
            note=f"joblib.load() itself takes {median(plain):.1f} ms",
        )
    )
