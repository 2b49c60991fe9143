"""Aliases over HTTP."""

from __future__ import annotations

import httpx
import pytest

from tests.server.api.conftest import refusal


@pytest.fixture
def aliases(api: httpx.Client, model: str) -> str:
    """The address of the aliases of a model with two READY versions and a pending one."""
    for body in ({"source_uri": "s3://1"}, {"source_uri": "s3://2"}, {"pending": True}):
        api.post(f"/models/{model}/versions", json=body)
    return f"/models/{model}/aliases"


def test_an_alias_is_set_moved_listed_and_removed(api: httpx.Client, aliases: str) -> None:
    made = api.put(f"{aliases}/champion", json={"version": 1})
    assert (made.status_code, made.json()["version"]) == (200, 1)
    moved = api.put(f"{aliases}/champion", json={"version": 2})

    assert moved.headers["etag"] == '"2"'
    assert api.get(f"{aliases}/champion").json() == moved.json()
    assert api.get(f"{aliases}/champion", headers={"If-None-Match": '"2"'}).status_code == 304
    assert [a["alias"] for a in api.get(aliases).json()["items"]] == ["champion"]
    for _ in range(2):  # removing what is not there is fine
        assert api.delete(f"{aliases}/champion").status_code == 204
    refusal(api.get(f"{aliases}/champion"), 404, "not_found")


def test_expect_makes_it_a_compare_and_swap(api: httpx.Client, aliases: str) -> None:
    assert api.put(f"{aliases}/a", json={"version": 1, "expect": 0}).status_code == 200
    late = api.put(f"{aliases}/a", json={"version": 2, "expect": 0})
    assert refusal(late, 412, "precondition_failed")["details"] == {"version": 1}
    assert api.put(f"{aliases}/a", json={"version": 2, "expect": 1}).status_code == 200
    refusal(api.delete(f"{aliases}/a?expect=1"), 412, "precondition_failed")
    assert api.delete(f"{aliases}/a?expect=2").status_code == 204


def test_if_match_is_about_the_alias_itself(api: httpx.Client, aliases: str) -> None:
    alias = f"{aliases}/a"
    none_yet = api.put(alias, json={"version": 1}, headers={"If-Match": '"1"'})
    refusal(none_yet, 412, "precondition_failed")
    refusal(api.delete(alias, headers={"If-Match": '"1"'}), 412, "precondition_failed")
    first = api.put(alias, json={"version": 1, "protected": True}).headers["etag"]

    moved = api.put(alias, json={"version": 2}, headers={"If-Match": first})
    assert (moved.status_code, moved.json()["version"]) == (200, 2)  # protected, yet by its ETag
    late = api.put(alias, json={"version": 1}, headers={"If-Match": first})
    assert refusal(late, 412, "precondition_failed")["details"] == {"revision": 2}
    refusal(api.delete(alias, headers={"If-Match": first}), 412, "precondition_failed")
    refusal(api.delete(alias, headers={"If-Match": "2"}), 400, "invalid_input")
    assert api.delete(alias, headers={"If-Match": moved.headers["etag"]}).status_code == 204


def test_if_none_match_makes_an_alias_only_once(api: httpx.Client, aliases: str) -> None:
    absent = {"If-None-Match": "*"}
    assert api.put(f"{aliases}/a", json={"version": 1}, headers=absent).status_code == 200
    again = api.put(f"{aliases}/a", json={"version": 2}, headers=absent)
    refusal(again, 412, "precondition_failed")
    tag = api.put(f"{aliases}/a", json={"version": 2}, headers={"If-None-Match": '"1"'})
    refusal(tag, 400, "invalid_input")
    both = api.put(f"{aliases}/a", json={"version": 2, "expect": 1}, headers=absent)
    refusal(both, 400, "invalid_input")


def test_a_misspelt_precondition_is_refused(api: httpx.Client, aliases: str) -> None:
    api.put(f"{aliases}/a", json={"version": 1})
    problem = refusal(api.delete(f"{aliases}/a?expekt=2"), 400, "invalid_input")
    assert "'expect'" in problem["hint"]
    assert api.get(f"{aliases}/a").status_code == 200


def test_a_protected_alias_moves_only_by_compare_and_swap(api: httpx.Client, aliases: str) -> None:
    api.put(f"{aliases}/a", json={"version": 1, "protected": True})
    refusal(api.put(f"{aliases}/a", json={"version": 2}), 412, "precondition_failed")
    refusal(api.delete(f"{aliases}/a"), 412, "precondition_failed")
    assert api.put(f"{aliases}/a", json={"version": 2, "expect": 1}).json()["protected"] is True


@pytest.mark.parametrize("alias", ["latest", "v1", "a b", "a.b", "%00", "a%2Fb", "%FF", "é!"])
def test_reserved_and_odd_aliases_are_refused(api: httpx.Client, aliases: str, alias: str) -> None:
    refusal(api.put(f"{aliases}/{alias}", json={"version": 1}), 400, "invalid_input")


def test_an_alias_needs_a_ready_version(api: httpx.Client, aliases: str) -> None:
    refusal(api.put(f"{aliases}/a", json={"version": 3}), 409, "not_ready")
    refusal(api.put(f"{aliases}/a", json={"version": 4}), 404, "not_found")
    for wrong in (0, -1, "1", 1.5, None, True, 10**30):
        refusal(api.put(f"{aliases}/a", json={"version": wrong}), 400, "invalid_input")
