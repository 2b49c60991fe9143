"""Runs, beside the registry: MLflow's own tracking application behind our frame, if it is here.

surface.py    which of its calls may be reached, and the verb that each takes
routes.py     our routes for them: permissions, limits, errors
mount.py      the application in this process, loaded at the first request that needs it
official.py   the one module that imports MLflow and sets it up
lookups.py    what the registry asks of runs and logged models
artifacts.py  files of runs and logged models, straight from our store
pages.py      MLflow's pages, under /mlflow/
"""

from __future__ import annotations

from muniment.server.tracking.lookups import TrackedModel, TrackedRun, Tracking, tracking_of
from muniment.server.tracking.mount import Mount, mount_of

__all__ = ["Mount", "TrackedModel", "TrackedRun", "Tracking", "mount_of", "tracking_of"]
