"""The demo, told while it happens: a real model in, the same model out.

start a server ─> train, push (twice) ─> alias the better one `champion`
               ─> in a fresh process: pull, verify, load, predict ─> compare bit by bit
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final

import muniment
from muniment.cli import words
from muniment.cli.output import Output
from muniment.client.credentials import PASSWORD, TOKEN, USERNAME
from muniment.client.entities import Version
from muniment.client.registry import Registry
from muniment.demo import digits
from muniment.demo.digits import Digits, Trained
from muniment.demo.fresh import PREDICTIONS_FILE
from muniment.demo.server import ServerProcess
from muniment.domain.entities import ModelVersion
from muniment.domain.values import JsonObject, sha256_hex
from muniment.errors import Corrupt, Unavailable

NAME: Final = "digits"
CHAMPION: Final = "champion"
_PATIENCE = 120.0  # seconds for the fresh process, which takes about two


def run(out: Output, *, port: int = 0, home: Path | None = None, exit_at_end: bool = False) -> None:
    """Tell the story; unless `exit_at_end`, go on serving until Ctrl-C.

    Raises:
        ConfigurationError: scikit-learn is not installed.
        Corrupt: what came out is not what went in.
        Unavailable: the server or the fresh process failed.
    """
    digits.require_sklearn()
    for variable in (TOKEN, USERNAME, PASSWORD):  # for another server: this one would refuse them
        os.environ.pop(variable, None)
    with ended_by_signals(), tempfile.TemporaryDirectory(prefix="muniment-demo-") as name:
        work = Path(name)
        with ServerProcess(home or work / "registry", work / "server.log", port) as server:
            story = _Story(out, server, work)
            story.tell(kept=home)
            story.sum_up()
            if exit_at_end:
                return
            try:
                story.invite()
                server.wait()
            except KeyboardInterrupt:
                out.scene("\nStopped.")


class _Story:
    """One telling: numbered scenes for people, one JSON object for programs."""

    def __init__(self, out: Output, server: ServerProcess, work: Path) -> None:
        self._out = out
        self._server = server
        self._work = work
        self._scenes = 0
        self._pushed: list[Version] = []
        self._summary: JsonObject = {"url": server.url}

    def tell(self, *, kept: Path | None) -> None:
        """Let it happen, and say what happened."""
        self._out.scene("Muniment demo: a real model in, the same model out.")
        place = str(kept) if kept else "a temporary folder, removed at the end (--home keeps it)"
        self._scene(
            "A server",
            f"{self._server.url}, process {self._server.pid}, "
            f"answered after {words.seconds(self._server.seconds_to_answer)}",
            f"data in {place}",
        )
        data = digits.load()
        self._scene(
            "A data set",
            f"handwritten digits: {len(data.train_x):,} images of 8 × 8 pixels to learn from, "
            f"{len(data.held_out_x):,} held out",
        )
        with muniment.connect(self._server.url, progress=False) as registry:
            linear = self._version(registry, data, digits.train_linear)
            forest = self._version(registry, data, digits.train_forest)
            (best, trained), (other, _) = sorted(
                (linear, forest), key=lambda pair: pair[0].metrics["auc"], reverse=True
            )
            best = best.set_alias(CHAMPION)
        gain = best.metrics["auc"] - other.metrics["auc"]
        self._scene(
            "The champion", f"{NAME}@{CHAMPION} is {best.ref}: its AUC is higher by {gain:.5f}"
        )
        self._fresh(best, trained)

    def sum_up(self) -> None:
        """Give programs what they came for."""
        self._out.scene("The same model came out.")
        if not self._out.human:
            self._out.said(self._summary, self._server.url, "")

    def invite(self) -> None:
        """Say what to look at and what to try while it serves."""
        url = self._server.url
        first, second = self._pushed
        self._out.scene(
            "Look at it",
            f"{url}/docs",
            f"{url}/api/v1/models/{NAME}",
            f"{url}/api/v1/models/{NAME}/versions/{second.version}",
            f"{url}/metrics",
        )
        self._out.scene(
            "Try, in another terminal",
            f"export MUNIMENT_REGISTRY={url}",
            f"muniment show {NAME}@{CHAMPION}",
            f"muniment diff {first.ref} {second.ref}",
            "muniment search 'metrics.accuracy > 0.9'",
            f"muniment log {NAME}",
            "muniment verify",
            f"curl -O {url}/api/v1/models/{NAME}/versions/{second.version}/files/model.joblib",
        )
        self._out.scene("Serving until Ctrl-C.")

    def _version(
        self, registry: Registry, data: Digits, train: Callable[[Digits], Trained]
    ) -> tuple[Version, Trained]:
        started = time.perf_counter()
        trained = train(data)
        trained_in = time.perf_counter() - started
        started = time.perf_counter()
        version = registry.push(
            NAME,
            trained.model,
            description=f"{trained.title.capitalize()} that reads handwritten digits.",
            tags={"data": "digits", "demo": True},
            params=trained.params,
            metrics=trained.metrics,
            signature=digits.signature(data),
            input_example=digits.input_example(data),
        )
        pushed_in = time.perf_counter() - started
        self._pushed.append(version)
        self._scene(
            f"Version {version.version}",
            f"{trained.title}: AUC {trained.metrics['auc']:.5f}, "
            f"accuracy {trained.metrics['accuracy']:.3f}; "
            f"trained in {words.seconds(trained_in)}",
            f"pushed {words.count(version.file_count, 'file')}, {words.size(version.size)} "
            f"in {words.seconds(pushed_in)}; content sha256:{words.digest(version.digest)}…",
        )
        return version, trained

    def _fresh(self, champion: ModelVersion, trained: Trained) -> None:
        folder = self._work / "pulled"
        report = self._in_fresh_process(folder)
        came = (folder / PREDICTIONS_FILE).read_bytes()
        went = trained.predictions.tobytes()
        if report["version"] != champion.version or not report["digests_match"]:
            raise Corrupt(
                f"The fresh process got version {report['version']} of {NAME}, and its digests "
                f"{'match' if report['digests_match'] else 'do not match'} the manifest."
            )
        if came != went:
            raise Corrupt("The model that came out predicts something else than the one put in.")
        rows, columns = trained.predictions.shape
        self._scene(
            "A fresh process",
            f"process {report['pid']} pulled {NAME}@{CHAMPION}: "
            f"{words.count(report['files'], 'file')}, {words.size(report['bytes'])} "
            f"in {words.seconds(report['pull_seconds'])}",
            "every file has the digest that the manifest says, and so has the manifest",
            f"its {rows:,} × {columns} predicted probabilities equal the original's, bit for bit",
        )
        self._summary |= {
            "champion": champion.to_json(),
            "predictions_sha256": sha256_hex(came),
            "identical": True,
        }

    def _in_fresh_process(self, folder: Path) -> dict[str, Any]:
        """Run `muniment.demo.fresh` with a cache of its own, so that the bytes do travel."""
        arguments = [self._server.url, f"{NAME}@{CHAMPION}", str(folder)]
        done = subprocess.run(  # noqa: S603 - our own interpreter and arguments
            [sys.executable, "-m", "muniment.demo.fresh", *arguments],
            env={**os.environ, "MUNIMENT_CACHE": str(self._work / "cache")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        if done.returncode:
            raise Unavailable(
                f"The fresh process ended with code {done.returncode}.", hint=done.stderr.strip()
            )
        report: dict[str, Any] = json.loads(done.stdout)
        return report

    def _scene(self, title: str, *lines: str) -> None:
        self._scenes += 1
        self._out.scene(f"{self._scenes}  {title}", *lines)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let the signals that end a process end this one in order, as Ctrl-C does."""

    def end(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    ending = {signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)}  # no SIGHUP on Windows
    before = {number: signal.signal(number, end) for number in ending}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
