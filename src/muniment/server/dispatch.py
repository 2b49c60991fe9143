"""Finding the route of a request by a tree, instead of trying one route after the other.

The framework tries all routes in turn; for the last of some fifty that takes a third of a small
request's time. The tree follows a path segment by segment and leaves the one or two routes whose
template fits, which then match as they always do. Calls whose endpoints are applications, at fixed
paths, are spared all of its layers.

    /api/v1/models/{name}/aliases/{alias}       "api" > "v1" > "models" > {} > "aliases" > {}
    /api/v1/models/{name}/push/{path:path}      "api" > "v1" > "models" > {} > "push"    > rest
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

_FOUND: Final = "muniment.route"
_ALLOWED: Final = "muniment.allowed"


class RouteTree(BaseRoute):
    """Stands first in a router's table and answers for `routes`, which stand behind it.

    It also knows all methods of a path, so that 405 names them. A path that it does not know (or
    that is written in an unusual way) is left to the table.
    """

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._root = _Node()
        for order, route in enumerate(routes):
            if isinstance(route, Route):
                self._root.add(route.path.split("/"), order, route)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return what the first fitting route makes of `scope`."""
        if scope["type"] != "http" or scope.get("root_path"):
            return Match.NONE, {}
        raw: bytes | None = scope.get("raw_path")
        path: str = scope["path"] if raw is None else raw.decode("latin-1")
        allowed: set[str] = set()
        for _, route in sorted(self._root.find(path.split("/"), 0), key=_order):
            match, child = route.matches(scope)
            if match is Match.FULL:
                return match, {**child, "route": route, _FOUND: route}
            if match is Match.PARTIAL:
                allowed |= route.methods or set()
        if allowed:
            return Match.FULL, {_FOUND: None, _ALLOWED: sorted(allowed)}
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the route that `matches` found answer."""
        if scope[_FOUND] is None:
            raise HTTPException(405, headers={"Allow": ", ".join(scope[_ALLOWED])})
        await scope[_FOUND].handle(scope, receive, send)


class Shortcut:
    """Lets routes answer at once that need nothing of the framework; all else goes to it.

    Args:
        app: the framework.
        routes: have fixed paths, which no route before them has, and applications for endpoints.
    """

    def __init__(self, app: ASGIApp, routes: Iterable[Route]) -> None:
        self._app = app
        self._routes = {
            (method, route.path.encode()): route
            for route in routes
            for method in route.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the route answer, or the framework."""
        route = self._routes.get((scope.get("method", ""), scope.get("raw_path", b"")))
        if route is None or scope.get("root_path"):
            await self._app(scope, receive, send)
            return
        scope["route"], scope["endpoint"], scope["path_params"] = route, route.endpoint, {}
        await route.app(scope, receive, send)


class _Node:
    """What may follow one segment: known words, any word, or any number of words."""

    __slots__ = ("ends", "other", "rest", "words")

    def __init__(self) -> None:
        self.words: dict[str, _Node] = {}
        self.other: _Node | None = None
        self.ends: list[tuple[int, Route]] = []
        self.rest: list[tuple[int, Route]] = []

    def add(self, template: list[str], order: int, route: Route) -> None:
        node = self
        for segment in template:
            if ":path}" in segment:
                node.rest.append((order, route))
                return
            if "{" in segment:
                node.other = node.other or _Node()
                node = node.other
            else:
                node = node.words.setdefault(segment, _Node())
        node.ends.append((order, route))

    def find(self, segments: list[str], at: int) -> Iterator[tuple[int, Route]]:
        yield from self.rest
        if at == len(segments):
            yield from self.ends
            return
        word = self.words.get(segments[at])
        if word is not None:
            yield from word.find(segments, at + 1)
        if self.other is not None:
            yield from self.other.find(segments, at + 1)


def _order(found: tuple[int, Route]) -> int:
    return found[0]
