"""What MLflow's clients ask of a server as a whole: which MLflow it speaks, and what it can do."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from muniment.server.mlflow.wire import Call, answer, mlflow_routes

SPOKEN: Final = "3.17.2"
"""The version of MLflow whose protocol this server speaks."""

_PREFIXES: Final = ("/api/3.0/mlflow", "/ajax-api/3.0/mlflow")


async def server_info(call: Call) -> Response:
    """Return which parts of the newer protocol are here."""
    return answer(
        {
            "store_type": "SqlStore",
            "workspaces_enabled": False,
            "trace_archival_enabled": False,
            "multipart_uploads_enabled": False,
            "multipart_downloads_enabled": False,
            "presigned_upload_run_id_supported": False,
            "presigned_upload_model_id_supported": False,
            "features_enabled": {},
        }
    )


routes: list[Route] = mlflow_routes("server-info", _PREFIXES, GET=server_info)
