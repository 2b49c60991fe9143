"""What a Python server can do at most on this machine: JSON that is ready, from a bare route.

`app` does nothing else; `committing` first commits a row of SQLite's, in a thread for it alone, as
durable as ours.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.sqlite_store import raw

ANSWER = b'{"model_version":{"name":"model-00042","version":"7","current_stage":"None"}}'
METHODS = ["DELETE", "GET", "PATCH", "POST", "PUT"]

database = raw(Path("bare.db"))
writer = ThreadPoolExecutor(1)


async def answer(request: Request) -> Response:
    await request.body()
    return Response(ANSWER, media_type="application/json")


async def commit(request: Request) -> Response:
    body = await request.body()
    await asyncio.get_running_loop().run_in_executor(writer, insert, body)
    return Response(ANSWER, media_type="application/json")


def insert(body: bytes) -> None:
    database.execute("INSERT INTO t VALUES (?)", (body,))


app = Starlette(routes=[Route("/{path:path}", answer, methods=METHODS)])
committing = Starlette(routes=[Route("/{path:path}", commit, methods=METHODS)])
