"""What versions came from, over HTTP."""

from __future__ import annotations

import httpx

from tests.server.api.conftest import refusal
from tests.server.api.lifecycle import made


def test_edges_are_noted_listed_walked_and_taken_back(
    api: httpx.Client, name: str, version: str
) -> None:
    made(api.put(f"/models/{name}/push/model.pkl", content=b"child"), 201)
    child, data = f"/models/{name}/versions/2", {"kind": "dataset", "name": f"d-{name}"}
    edge = made(api.post(f"{version}/lineage", json={"node": data, "source": "git"}), 201)
    assert (edge["relation"], edge["node"]["id"], edge["source"]) == (
        *("trained_on", f"d-{name}"),
        "git",
    )
    assert made(api.post(f"{version}/lineage", json={"node": data}), 201) == edge
    parent = {"kind": "version", "id": f"{name}/1"}
    body = {"node": parent, "relation": "fine_tuned_from"}
    link = made(api.post(f"{child}/lineage", json=body), 201)
    assert made(api.get(f"{version}/lineage"))["items"] == [edge]

    up = made(api.get("/lineage", params={"of": f"{name}/2", "direction": "up"}))
    assert [(node["label"], node["hops"]) for node in up["nodes"]] == [
        (f"{name}/2", 0),
        (f"{name}/1", 1),
        (f"d-{name}", 2),
    ]
    asked = {"of": f"dataset:d-{name}", "direction": "down", "hops": 1}
    down = made(api.get("/lineage", params=asked))
    assert [node["version"] for node in down["nodes"]] == [None, 1]

    circle = {"node": {"kind": "version", "id": f"{name}/2"}}
    refusal(api.post(f"{version}/lineage", json=circle), 409, "conflict")
    assert api.delete(f"/lineage/{link['id']}").status_code == 204
    refusal(api.delete(f"/lineage/{link['id']}"), 404, "not_found")


def test_wrong_edges_and_walks_are_refused(api: httpx.Client, name: str, version: str) -> None:
    for body in (
        {},
        {"node": {"kind": "planet", "id": "x"}},
        {"node": {"kind": "run"}},
        {"node": {"kind": "run", "id": "x"}, "relation": "trained_on"},
        {"node": {"kind": "run", "id": "x", "colour": "red"}},
    ):
        refusal(api.post(f"{version}/lineage", json=body), 400, "invalid_input")
    for params in (
        {},
        {"of": f"{name}/1", "hops": 21},
        {"of": f"{name}/1", "direction": "sideways"},
    ):
        refusal(api.get("/lineage", params=params), 400, "invalid_input")
    refusal(api.get("/lineage", params={"of": f"{name}/9"}), 404, "not_found")


def test_properties_are_texts_numbers_and_booleans(api: httpx.Client, version: str) -> None:
    node = {"kind": "run", "id": "r", "properties": {"rows": 3, "ok": True, "share": 0.5}}
    edge = made(api.post(f"{version}/lineage", json={"node": node}), 201)
    assert edge["node"]["properties"] == node["properties"]
    for wrong in ({}, [1], None):
        body = {"node": {**node, "properties": {"x": wrong}}}
        refusal(api.post(f"{version}/lineage", json=body), 400, "invalid_input")
