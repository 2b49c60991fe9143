"""Every call made twice: to MLflow's server and to ours, and the answers compared.

    def test_a_name_may_be_taken_once(twin: Twin) -> None:
        name = twin.name("m")
        twin.post("registered-models/create", name=name)
        twin.post("registered-models/create", name=name)    # both refuse it in the same way

A test reads as if there were one server. What differs is collected, and fails the test at its end.
Both servers see the same requests in the same order, but for what they made up themselves (page
tokens, ids of runs and webhooks): that is passed on as a `Pair`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx

from tests.mlflow.deliberate import DELIBERATE, Deliberate
from tests.mlflow.normal import Times, difference, normal

API = "/api/2.0/mlflow/"


@dataclass(frozen=True)
class Pair:
    """A value that each server made up for itself."""

    theirs: Any
    ours: Any
    label: str = "value"


@dataclass
class Exchange:
    """One request as a test wrote it, and the answer of one server."""

    method: str
    path: str
    fields: Any
    status: int
    headers: Mapping[str, str]
    body: Any
    """JSON, or the bytes if they are none."""
    sent: Mapping[str, str] = field(default_factory=dict)
    """The headers that the test wrote."""
    content: bytes = b""
    """The body as it was sent."""

    def __str__(self) -> str:
        return f"{self.status} {self.body!r:.300}"

    @property
    def error(self) -> str | None:
        """The error's code, if this is one."""
        return self.body.get("error_code") if isinstance(self.body, dict) else None


@dataclass(frozen=True)
class Answer:
    """Both servers' answers to one request."""

    theirs: Exchange
    ours: Exchange

    @property
    def status(self) -> int:
        """MLflow's status; ours is the same, or the test fails."""
        return self.theirs.status

    def ok(self) -> Answer:
        """Return this. Raises AssertionError if MLflow's server refused: the test is wrong."""
        assert self.status == 200, self.theirs
        return self

    def pick(self, *path: str | int, label: str = "value") -> Pair:
        """Return what stands at a path in both answers; None where there is nothing."""
        return Pair(_at(self.theirs.body, path), _at(self.ours.body, path), label)


@dataclass
class _Side:
    """One of the two servers, as one test sees it."""

    client: httpx.Client
    times: Times = field(default_factory=Times)
    known: dict[str, str] = field(default_factory=dict)
    """Values that this server made up, and the labels that stand for them."""


class Twin:
    """Both servers, as one. `unique` makes the names of a test its own."""

    def __init__(self, theirs: httpx.Client, ours: httpx.Client, unique: str) -> None:
        self._theirs = _Side(theirs)
        self._ours = _Side(ours)
        self.unique = unique
        self.differences: list[str] = []
        self.covered: set[Deliberate] = set()
        """The deliberate differences that were met."""
        self._diverged = False

    def name(self, stem: str = "m") -> str:
        """Return a name that no other test uses."""
        return f"{self.unique}{stem}"

    def get(self, path: str, **fields: Any) -> Answer:
        """GET with a query string."""
        return self.call("GET", path, fields)

    def post(self, path: str, **fields: Any) -> Answer:
        """POST with JSON."""
        return self.call("POST", path, fields)

    def patch(self, path: str, **fields: Any) -> Answer:
        """PATCH with JSON."""
        return self.call("PATCH", path, fields)

    def delete(self, path: str, **fields: Any) -> Answer:
        """DELETE with JSON."""
        return self.call("DELETE", path, fields)

    def call(
        self,
        method: str,
        path: str,
        fields: Any = None,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        made: tuple[str, tuple[str, ...]] | None = None,
    ) -> Answer:
        """Make any call. `path` goes out as it is, under the API's prefix if it has no slash first.

        `fields` go into the query string of a GET or HEAD, else into JSON; `content` is a body as
        it is. What the server made up in it stands at the path `made[1]`, and is called `made[0]`.
        """
        answer = Answer(
            *(
                self._send(side, method, path, fields, content, headers)
                for side in (self._theirs, self._ours)
            )
        )
        if made:
            self._know(answer.pick(*made[1], label=made[0]))
        self._compare(answer)
        return answer

    def make(self, label: str, path: str, where: tuple[str, ...], **fields: Any) -> Pair:
        """POST, and return the id that stands at `where` in the answer; call it `<label>`."""
        answer = self.call("POST", path, fields, made=(label, where))
        return answer.pick(*where, label=label)

    def together(self, calls: Sequence[tuple[str, str, Mapping[str, Any]]]) -> list[Answer]:
        """Make calls at the same time, first on one server and then on the other.

        Who wins is left to chance, so that the statuses and error codes are compared as bags.
        """
        both: list[list[Exchange]] = []
        for side in (self._theirs, self._ours):
            with ThreadPoolExecutor(len(calls)) as pool, side.times.call():
                ask = [
                    pool.submit(self._exchange, side, method, path, fields, None, None)
                    for method, path, fields in calls
                ]
                both.append([future.result() for future in ask])
        theirs, ours = both
        bags = [
            sorted((found.status, found.error or "") for found in exchanges) for exchanges in both
        ]
        if bags[0] != bags[1]:
            self._differs(theirs[0], f"MLflow: {bags[0]}", f"ours:   {bags[1]}")
        return [Answer(*answers) for answers in zip(theirs, ours, strict=True)]

    def _know(self, pair: Pair) -> None:
        for side, value in ((self._theirs, pair.theirs), (self._ours, pair.ours)):
            if value:
                side.known[str(value)] = f"<{pair.label}>"

    def check(self) -> None:
        """Raise AssertionError if anything was different since the last check."""
        found, self.differences = self.differences, []
        assert not found, "\n\n".join(found)

    # -- one call ----------------------------------------------------------------------------------

    def _send(
        self,
        side: _Side,
        method: str,
        path: str,
        fields: Any,
        content: bytes | None,
        headers: Mapping[str, str] | None,
    ) -> Exchange:
        with side.times.call():
            return self._exchange(side, method, path, fields, content, headers)

    def _exchange(
        self,
        side: _Side,
        method: str,
        path: str,
        fields: Any,
        content: bytes | None,
        headers: Mapping[str, str] | None,
    ) -> Exchange:
        mine = self._choose(side)
        target, fields = mine(path), mine(fields)
        sent = dict(headers or {})
        if not target.startswith("/"):
            target = API + target
        if fields is not None and method in ("GET", "HEAD"):
            query = urlencode(fields, doseq=True, errors="surrogatepass")
            target += f"?{query}" if query else ""
        elif fields is not None:
            content = json.dumps(fields).encode()
            sent.setdefault("Content-Type", "application/json")
        url = side.client.base_url.copy_with(raw_path=target.encode())
        try:
            response = side.client.request(method, url, content=content, headers=sent)
        except httpx.TransportError as error:
            return Exchange(method, path, fields, 0, {}, repr(error).encode())
        try:
            body = response.json() if response.content else b""
        except ValueError:
            body = response.content
        return Exchange(
            *(method, path, fields, response.status_code, response.headers, body),
            sent=sent,
            content=content or b"",
        )

    def _choose(self, side: _Side) -> Callable[[Any], Any]:
        """Return what puts this side's half in the place of every pair."""

        def mine(value: Any) -> Any:
            if isinstance(value, Pair):
                return value.theirs if side is self._theirs else value.ours
            if isinstance(value, dict):
                return {key: mine(item) for key, item in value.items()}
            if isinstance(value, list | tuple):
                return [mine(item) for item in value]
            if isinstance(value, str):  # a path, with a pair's label in it
                for own, label in side.known.items():
                    value = value.replace(label, own)
            return value

        return mine

    # -- comparing ---------------------------------------------------------------------------------

    def _compare(self, answer: Answer) -> None:
        theirs, ours = answer.theirs, answer.ours
        covering = [entry for entry in DELIBERATE if entry.covers(theirs, ours)]
        self.covered |= set(covering)
        if any(not entry.fields for entry in covering):
            # One of them wrote what the other did not: what is read from now on has to differ.
            written = theirs.method not in ("GET", "HEAD")
            self._diverged |= written and (theirs.status == 200) != (ours.status == 200)
        if self._diverged or any(not entry.fields for entry in covering):
            return
        ignored = {name for entry in covering for name in entry.fields}
        if theirs.status != ours.status:
            self._differs(theirs, f"MLflow: {theirs}", f"ours:   {ours}")
            return
        if theirs.status >= 300 and theirs.error is None:
            return  # a page or words for people: nothing that a client reads
        found = difference(
            normal(theirs, self._theirs.times, self._theirs.known, ignored),
            normal(ours, self._ours.times, self._ours.known, ignored),
        )
        if found:
            self._differs(theirs, *found)

    def _differs(self, exchange: Exchange, *lines: str) -> None:
        request = f"{exchange.method} {exchange.path} {exchange.fields!r:.600}"
        self.differences.append("\n    ".join((request, *lines)))


def _at(body: Any, path: Sequence[str | int]) -> Any:
    for step in path:
        try:
            body = body[step]
        except (KeyError, IndexError, TypeError):
            return None
    return body
