"""MLflow's own application in this process: loaded when the first request needs it, and not before.

    request ──> calls.py  ──> Mount.answer ──> thread: loaded? ──no──> import MLflow, open its
                                                  │ yes                 database (seconds, once)
                                                  └──> MLflow ──> pieces of the answer

Its calls have threads of their own, so that a long search of runs keeps no registry call waiting.
"""

from __future__ import annotations

import asyncio
import importlib.util
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from muniment.errors import ConfigurationError, NotFound
from muniment.server.settings import Settings
from muniment.server.streaming import read_ahead
from muniment.server.tracking.database import RunsDatabase, runs_database
from muniment.server.tracking.lookups import TrackedModel, TrackedRun
from muniment.server.tracking.wsgi import WsgiAnswer, call
from muniment.services import Services

if TYPE_CHECKING:
    from muniment.server.tracking.official import Official

T = TypeVar("T")
HINT: Final = 'Install it with the server: pip install "muniment[mlflow]".'
_AUTO: Final = "Set MUNIMENT_MLFLOW_TRACKING=auto."
_WITHOUT_DATABASE: Final = (
    "MongoDB can't keep runs: set MUNIMENT_MLFLOW_DATABASE to a postgresql:// or sqlite:/// URL."
)
ACTING: ContextVar[Services] = ContextVar("muniment.tracking.acting")
"""The services, acting for whoever sent the request that MLflow answers in this thread."""

_THREADS: Final = 10
"""MLflow's pool has fifteen connections to its database; the rest are for lookups."""
_WHOLE: Final = 1024 * 1024
"""An answer up to this size is sent at once."""


def mount_of(settings: Settings) -> Mount | None:
    """Return what the settings ask for; nothing is loaded yet.

    Raises:
        ConfigurationError: runs are asked for, and MLflow is not installed.
    """
    if settings.mlflow_tracking == "off":
        return None
    database = runs_database(settings) if is_installed() else None
    if database is None and settings.mlflow_tracking == "on":
        what = "nothing says where runs are kept" if is_installed() else "MLflow is not installed"
        raise ConfigurationError(
            f"MUNIMENT_MLFLOW_TRACKING is on, and {what}.",
            hint=how_to_keep_runs(settings),
            details={"setting": "mlflow_tracking"},
        )
    return None if database is None else Mount(database)


def how_to_keep_runs(settings: Settings) -> str:
    """Return what to do where no runs are kept."""
    if not is_installed():
        return HINT
    return _AUTO if settings.mlflow_tracking == "off" else _WITHOUT_DATABASE


def is_installed() -> bool:
    """Say whether MLflow's server is here. Imports nothing: `mlflow-skinny` has no Flask."""
    return all(importlib.util.find_spec(name) is not None for name in ("mlflow", "flask"))


class Mount:
    """The application over one database; satisfies `lookups.Tracking`."""

    def __init__(self, database: RunsDatabase) -> None:
        self._database = database
        self._loading = threading.Lock()
        self._official: Official | None = None
        self._in_use = False
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="mlflow")

    def close(self) -> None:
        """Wait for what is being answered."""
        self._threads.shutdown()

    def official(self) -> Official:
        """Return the application. The first to ask waits for it to be loaded, and all meanwhile.

        Raises:
            ConfigurationError: its database can't be used.
        """
        with self._loading:
            if self._official is None:
                from muniment.server.tracking.official import load

                self._official = load(self._database)
            return self._official

    # -- answering -------------------------------------------------------------------------------

    async def answer(self, request: Request, services: Services, body: bytes) -> Response:
        """Let MLflow answer a request that the caller may make."""
        given = await self.wait_for(partial(self._answer, request, services, body))
        headers = dict(given.headers)
        length = int(headers.get("Content-Length", _WHOLE + 1))
        if length > _WHOLE:
            pieces = read_ahead(self._threads, given.pieces)
            return StreamingResponse(pieces, given.status, headers)
        return Response(b"".join(given.pieces), given.status, headers)

    async def wait_for(self, call: Callable[[], T]) -> T:
        """Make a call that may wait, for MLflow to be loaded for example, in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    def _answer(self, request: Request, services: Services, body: bytes) -> WsgiAnswer:
        official = self.official()
        token = ACTING.set(services)
        try:
            return call(official.wsgi, request.scope, body)
        finally:
            ACTING.reset(token)

    # -- lookups ---------------------------------------------------------------------------------

    @property
    def in_use(self) -> bool:
        """Whether anything has ever been logged here."""
        self._in_use = self._in_use or self._database.holds_anything()
        return self._in_use

    def run(self, run_id: str) -> TrackedRun | None:
        """Return a run; None if there is none."""
        return self.official().run(run_id) if self.in_use else None

    def logged_model(self, model_id: str) -> TrackedModel | None:
        """Return a logged model; None if there is none."""
        return self.official().logged_model(model_id) if self.in_use else None

    def link_version(self, model_id: str, name: str, version: int) -> None:
        """Note on a logged model that it is registered as a version. Raises NotFound."""
        if self.logged_model(model_id) is None:
            raise NotFound(f"There is no logged model {model_id!r:.100}.")
        self.official().link_version(model_id, name, version)
