from __future__ import annotations

import asyncio

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Message, Receive, Scope, Send

from muniment.server import mlflow
from muniment.server.api.routing import api_router
from muniment.server.app import create_app
from muniment.server.dispatch import RouteTree, Shortcut
from muniment.server.settings import Settings


async def endpoint(request: object) -> Response:
    return Response()


def scope_of(method: str, path: str) -> Scope:
    return {"type": "http", "method": method, "path": path, "raw_path": path.encode()}


def tree(*routes: tuple[str, str]) -> RouteTree:
    return RouteTree(Route(path, endpoint, methods=[method]) for method, path in routes)


def found(tree: RouteTree, method: str, path: str) -> tuple[str | None, dict[str, str]]:
    match, child = tree.matches(scope_of(method, path))
    if match is Match.NONE:
        return None, {}
    return child["route"].path, child["path_params"]


def test_a_path_is_followed_through_words_parameters_and_rests() -> None:
    paths = ["/", "/models", "/models/{name}", "/models/{name}/files/{path:path}", "/a/{b}.json"]
    it = tree(*(("GET", path) for path in paths))
    assert found(it, "GET", "/") == ("/", {})
    assert found(it, "GET", "/models") == ("/models", {})
    assert found(it, "GET", "/models/fraud") == ("/models/{name}", {"name": "fraud"})
    assert found(it, "GET", "/models/fraud/files/a/b.pkl") == (
        "/models/{name}/files/{path:path}",
        {"name": "fraud", "path": "a/b.pkl"},
    )
    assert found(it, "GET", "/a/b.json") == ("/a/{b}.json", {"b": "b"})
    for nothing in ("/models/", "/models/fraud/", "/a/b.txt", "", "//models", "/x"):
        assert found(it, "GET", nothing) == (None, {})


def test_the_route_that_stands_first_wins_as_in_the_framework() -> None:
    first_word = tree(("GET", "/blobs/missing"), ("GET", "/blobs/{digest}"))
    assert found(first_word, "GET", "/blobs/missing")[0] == "/blobs/missing"
    first_any = tree(("GET", "/blobs/{digest}"), ("GET", "/blobs/missing"))
    assert found(first_any, "GET", "/blobs/missing")[0] == "/blobs/{digest}"


def test_a_word_that_leads_nowhere_does_not_hide_a_parameter() -> None:
    it = tree(("GET", "/models/search/all"), ("GET", "/models/{name}/aliases"))
    assert found(it, "GET", "/models/search/aliases")[0] == "/models/{name}/aliases"


def test_routes_on_one_path_are_told_apart_by_method() -> None:
    it = tree(("POST", "/models"), ("GET", "/models"))
    assert it.matches(scope_of("POST", "/models"))[1]["route"].methods == {"POST"}
    match, child = it.matches(scope_of("DELETE", "/models"))
    assert match is Match.FULL
    assert "route" not in child


def routes_of(app: FastAPI) -> list[Route]:
    return [route for route in app.router.routes if isinstance(route, Route)]


APP = create_app(Settings())


@pytest.mark.parametrize("route", routes_of(APP), ids=lambda r: f"{sorted(r.methods)} {r.path}")
def test_the_tree_finds_every_route_where_the_framework_finds_it(route: Route) -> None:
    tree_of_app = APP.router.routes[0]
    assert isinstance(tree_of_app, RouteTree)
    path = route.path_format.replace("{", "x").replace("}", "x")
    for method in route.methods or ():
        scope = scope_of(method, path)
        framework = next(r for r in routes_of(APP) if r.matches(dict(scope))[0] is Match.FULL)
        assert tree_of_app.matches(scope)[1]["route"] is framework


def test_every_route_of_the_server_is_in_the_tree() -> None:
    """A router within a router would not be, and its routes would match twice."""
    assert {type(route) for route in APP.router.routes[1:]} <= {type(r) for r in routes_of(APP)}


async def answer(shortcut: Shortcut, method: str, path: str, **more: str) -> tuple[str, str | None]:
    said: list[str] = []

    async def receive() -> Message:
        raise AssertionError("nobody reads a body")

    async def send(message: Message) -> None:
        said.append(message["said"])

    scope = {**scope_of(method, path), **more}
    await shortcut(scope, receive, send)
    return said[0], getattr(scope.get("route"), "path", None)


def test_calls_at_fixed_paths_need_not_go_through_the_framework() -> None:
    class Says:
        def __init__(self, text: str) -> None:
            self.text = text

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            await send({"type": "said", "said": self.text})

    route = Route("/calls/get", Says("call"), methods=["GET"])
    shortcut = Shortcut(Says("framework"), [route])
    told = {
        (method, path): asyncio.run(answer(shortcut, method, path))
        for method in ("GET", "HEAD", "POST")
        for path in ("/calls/get", "/calls/get/", "/calls%2Fget")
    }
    assert told.pop(("GET", "/calls/get")) == ("call", "/calls/get")
    assert told.pop(("HEAD", "/calls/get")) == ("call", "/calls/get")
    assert set(told.values()) == {("framework", None)}
    assert asyncio.run(answer(shortcut, "GET", "/calls/get", root_path="/x"))[0] == "framework"


def test_the_calls_of_mlflow_are_the_first_at_their_paths() -> None:
    tree_of_app = APP.router.routes[0]
    assert len(mlflow.calls) > 50
    for route in mlflow.calls:
        for method in route.methods or ():
            assert tree_of_app.matches(scope_of(method, route.path))[1]["route"] is route


def test_a_route_of_the_api_is_made_whole_when_it_is_first_needed() -> None:
    router = api_router("models")

    @router.get("/models/{name}")
    async def show(name: str) -> Response:
        return Response(name)

    route = router.routes[0]
    assert isinstance(route, APIRoute)
    assert (route.path, route.methods) == ("/api/v1/models/{name}", {"GET"})
    assert "dependant" not in vars(route)
    match, child = route.matches(scope_of("GET", "/api/v1/models/a%2Fb"))
    assert (match, child["path_params"]) == (Match.FULL, {"name": "a/b"})
    assert [param.name for param in route.dependant.path_params] == ["name"]
    with pytest.raises(AttributeError, match="nonsense"):
        getattr(route, "nonsense")  # noqa: B009
