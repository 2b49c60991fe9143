"""The rich demo: a registry that has lived for a year, made in seconds and served to look at.

fill an empty home (20 models, 300 versions) ─> start a server over it ─> say where to look
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Final

from muniment.cli import words
from muniment.cli.output import Output
from muniment.cli.story import ended_by_signals
from muniment.demo.server import ServerProcess
from muniment.demo.year import fill
from muniment.domain.caller import Caller
from muniment.errors import AlreadyExists
from muniment.server.app import open_ports
from muniment.server.settings import load_settings
from muniment.services import Services

_MODEL: Final = "fraud-detection"
_MANY: Final = 100
_SETTINGS: Final = ("MUNIMENT_", "REGISTRY_", "MONGODB_", "MINIO_")


def run(out: Output, *, port: int = 0, home: Path | None = None, exit_at_end: bool = False) -> None:
    """Fill a home and serve it; unless `exit_at_end`, until Ctrl-C.

    Raises:
        AlreadyExists: there are models in `home`.
        Unavailable: the server failed.
    """
    for variable in [name for name in os.environ if name.startswith(_SETTINGS)]:
        os.environ.pop(variable)  # they may lead to a registry of somebody's own
    with ended_by_signals(), tempfile.TemporaryDirectory(prefix="muniment-demo-") as name:
        work = Path(name)
        out.scene("Muniment demo: a registry after a year.")
        started = time.perf_counter()
        counted = _filled(home or work / "registry")
        place = str(home) if home else "a temporary folder, removed at the end (--home keeps it)"
        out.scene(
            "Its models",
            f"{counted['models']} models with {counted['versions']} versions, made in "
            f"{words.seconds(time.perf_counter() - started)}",
            f"data in {place}",
        )
        with ServerProcess(home or work / "registry", work / "server.log", port) as server:
            if not out.human:
                out.said({"url": server.url, **counted}, server.url, "")
            if exit_at_end:
                return
            url = server.url
            out.scene(
                "Look at it",
                url,
                f"{url}/models/{_MODEL}",
                f"{url}/reviews",
                f"{url}/deployments",
            )
            out.scene(
                "Try, in another terminal",
                f"export MUNIMENT_REGISTRY={url}",
                f"muniment show {_MODEL}@champion",
                "muniment requests",
                "muniment drift",
            )
            out.scene("Serving until Ctrl-C.")
            try:
                server.wait()
            except KeyboardInterrupt:
                out.scene("\nStopped.")


def _filled(home: Path) -> dict[str, int]:
    """Fill an empty registry; return how many models and versions it has then."""
    ports = open_ports(load_settings(home=home))
    try:
        catalog = Services(ports, Caller()).catalog
        if catalog.find_models(None, page_size=1).items:
            raise AlreadyExists(
                f"There are models in {str(home)!r} already.",
                hint="The rich demo fills an empty folder: name another one.",
            )
        fill(ports)
        made = catalog.find_models(None, page_size=_MANY).items
        return {"models": len(made), "versions": sum(model.version_count for model in made)}
    finally:
        ports.close()
