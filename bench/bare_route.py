"""What a Python server can do at most on this machine: JSON that is ready, from a bare route."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

ANSWER = b'{"model_version":{"name":"model-00042","version":"7","current_stage":"None"}}'
METHODS = ["DELETE", "GET", "PATCH", "POST", "PUT"]


async def answer(request: Request) -> Response:
    await request.body()
    return Response(ANSWER, media_type="application/json")


app = Starlette(routes=[Route("/{path:path}", answer, methods=METHODS)])
