"""Aliases, on both servers."""

from __future__ import annotations

import pytest

from tests.mlflow.twin import Twin

ALIASES = {
    "plain": "champion",
    "upper": "Champion",
    "signs": "a-b_c",
    "minus-first": "-a",
    "underscore": "_",
    "digits": "123",
    "zero": "0",
    "unicode": "größe",
    "cjk": "模型",
    "combining": "e\u0301",
    "arabic-digit": "١",
    "superscript": "a²",
    "emoji": "🚀",
    "dot": "a.b",
    "space": "a b",
    "space-first": " a",
    "space-last": "a ",
    "newline-last": "a\n",
    "nul": "a\0",
    "slash": "a/b",
    "colon": "a:b",
    "at": "@a",
    "percent": "a%b",
    "quote": "a'b",
    "plus": "a+b",
    "dots": "..",
    "empty": "",
    "blank": " ",
    "null": None,
    "number": 1,
    "list": ["a"],
    "object": {},
    "true": True,
    "latest": "latest",
    "latest-upper": "LATEST",
    "latest-mixed": "Latest",
    "latest-more": "latest1",
    "v1": "v1",
    "V1": "V1",
    "v01": "v01",
    "v": "v",
    "v-1": "v-1",
    "v1a": "v1a",
    "av1": "av1",
    "v-arabic": "v١",
    "v1-newline": "v1\n",
    "v-many": "v" + "9" * 40,
    "none": "None",
    "production": "Production",
    "hex": "0x1f",
    "digest": "a" * 64,
    "long-255": "a" * 255,
    "long-256": "a" * 256,
    "long-255-wide": "é" * 255,
    "long-256-wide": "é" * 256,
}


def model(twin: Twin, versions: int = 2) -> str:
    name = twin.name()
    twin.post("registered-models/create", name=name).ok()
    for number in range(versions):
        twin.post("model-versions/create", name=name, source=f"s3://bucket/{number}").ok()
    return name


@pytest.mark.parametrize("alias", ALIASES.values(), ids=ALIASES)
def test_what_may_be_an_alias(twin: Twin, alias: object) -> None:
    name = model(twin)
    twin.post("registered-models/alias", name=name, alias=alias, version="1")
    twin.get("registered-models/get", name=name)
    if isinstance(alias, str):
        twin.get("registered-models/alias", name=name, alias=alias)
        twin.get("registered-models/alias", name=name, alias=alias.swapcase())
    twin.get("model-versions/get", name=name, version="1")
    twin.post("registered-models/alias", name=name, alias=alias, version="2")
    twin.delete("registered-models/alias", name=name, alias=alias)
    twin.delete("registered-models/alias", name=name, alias=alias)
    twin.get("registered-models/get", name=name)


def test_an_alias_moves(twin: Twin) -> None:
    name = model(twin, 3)
    for alias, version in (("b", "1"), ("a", "1"), ("B", "2"), ("b", "3"), ("b", "3"), ("c", "3")):
        twin.post("registered-models/alias", name=name, alias=alias, version=version)
        twin.get("registered-models/alias", name=name, alias=alias)
    twin.get("registered-models/get", name=name)
    for number in "123":
        twin.get("model-versions/get", name=name, version=number)
    twin.get("registered-models/search", filter=f"name = '{name}'")
    twin.get("model-versions/search", filter=f"name = '{name}'")
    twin.post("registered-models/get-latest-versions", name=name)
    twin.patch("model-versions/update", name=name, version="3", description="d")
    twin.post("model-versions/transition-stage", name=name, version="3", stage="Staging")
    twin.patch("registered-models/update", name=name, description="d")
    twin.delete("registered-models/alias", name=name, alias="b")
    twin.get("registered-models/alias", name=name, alias="b")
    twin.get("registered-models/alias", name=name, alias="B")
    twin.get("registered-models/get", name=name)


def test_aliases_of_what_is_not_there(twin: Twin) -> None:
    name = model(twin)
    none = twin.name("none")
    twin.post("registered-models/alias", name=name, alias="a", version="9")
    twin.post("registered-models/alias", name=none, alias="a", version="1")
    twin.post("registered-models/alias", name=none, alias="latest", version="1")
    twin.post("registered-models/alias", name=name, alias="latest", version="9")
    twin.post("registered-models/alias", name=name, alias="a/b", version="9")
    twin.get("registered-models/alias", name=name, alias="a")
    twin.get("registered-models/alias", name=none, alias="a")
    twin.get("registered-models/alias", name=none, alias="a/b")
    twin.delete("registered-models/alias", name=name, alias="a")
    twin.delete("registered-models/alias", name=none, alias="a")
    twin.delete("registered-models/alias", name=none, alias="latest")
    twin.get("registered-models/alias", name=name)
    twin.get("registered-models/alias", alias="a")
    twin.get("registered-models/alias")
    twin.post("registered-models/alias", name=name, alias="a")
    twin.post("registered-models/alias", name=name, version="1")
    twin.post("registered-models/alias", alias="a", version="1")
    twin.delete("registered-models/alias", name=name)
    twin.delete("registered-models/alias", alias="a")
    twin.get("registered-models/get", name=name)


def test_latest_is_the_highest_version_that_lives(twin: Twin) -> None:
    name = model(twin, 0)
    for alias in ("latest", "LATEST", "Latest"):
        twin.get("registered-models/alias", name=name, alias=alias)
    for number in "123":
        twin.post("model-versions/create", name=name, source="s3://bucket/a").ok()
        twin.get("registered-models/alias", name=name, alias="latest")
        twin.post("model-versions/transition-stage", name=name, version=number, stage="Archived")
    for number in "321":
        twin.get("registered-models/alias", name=name, alias="latest")
        twin.delete("model-versions/delete", name=name, version=number).ok()
    twin.get("registered-models/alias", name=name, alias="latest")
    twin.delete("registered-models/alias", name=name, alias="latest")


def test_aliases_do_not_touch_times_and_go_with_their_version(twin: Twin) -> None:
    name = model(twin)
    for alias in ("z", "a", "m"):
        twin.post("registered-models/alias", name=name, alias=alias, version="1").ok()
    twin.post("registered-models/alias", name=name, alias="keep", version="2").ok()
    twin.get("registered-models/get", name=name)
    twin.get("model-versions/get", name=name, version="1")
    twin.delete("registered-models/alias", name=name, alias="m").ok()
    twin.get("registered-models/get", name=name)
    twin.delete("model-versions/delete", name=name, version="1").ok()
    twin.get("registered-models/get", name=name)
    twin.get("registered-models/alias", name=name, alias="a")
    twin.post("registered-models/alias", name=name, alias="a", version="2")
    twin.get("registered-models/alias", name=name, alias="a")


def test_many_aliases_in_order(twin: Twin) -> None:
    name = model(twin)
    for alias in ("b", "B", "a", "_", "-", "1", "10", "2", "é", "Z"):
        twin.post("registered-models/alias", name=name, alias=alias, version="1").ok()
    twin.get("registered-models/get", name=name)
    twin.get("model-versions/get", name=name, version="1")
