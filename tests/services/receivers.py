"""Receivers of webhooks on loopback, in threads, that answer as they are told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast


@dataclass(frozen=True)
class Received:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: str

    @property
    def id(self) -> str:
        return self.headers["x-mlflow-delivery-id"]

    @property
    def event(self) -> str:
        document = json.loads(self.body)
        return f"{document['entity']}.{document['action']}"

    @property
    def data(self) -> dict[str, Any]:
        return cast(dict[str, Any], json.loads(self.body)["data"])


@dataclass
class Answer:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"ok"


class Receiver:
    """What has come, and how it is answered: `answer` is called with each request."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/hook"
        self.answer: Callable[[Received], Answer] = lambda received: Answer()
        self.received: list[Received] = []
        self._changed = threading.Condition()

    def note(self, received: Received) -> Answer:
        with self._changed:
            self.received.append(received)
            self._changed.notify_all()
        return self.answer(received)

    def wait_for(self, count: int) -> list[Received]:
        """Wait until so many requests have come; return them all."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.received) >= count, timeout=60), (
                f"{len(self.received)} of {count} came"
            )
            return list(self.received)


@contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    """Run a receiver on a port of loopback (0: any that is free)."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = receiver.note(Received(self.path, headers, body))
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST  # noqa: N815 - so that a redirect that is followed would show

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        receiver = Receiver(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
