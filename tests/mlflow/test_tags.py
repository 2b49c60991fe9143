"""Tags of models and versions, on both servers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mlflow.twin import Twin

KEYS = {
    "plain": "key",
    "upper": "Key",
    "digits": "1",
    "all-signs": "a_b-c.d e:f/g",
    "dotted": "mlflow.user.key",
    "path": "a/b/c",
    "unicode": "größe",
    "cjk": "模型",
    "emoji": "🚀",
    "dot": ".",
    "dots": "..",
    "dots-first": "../a",
    "dots-inside": "a/../b",
    "dot-inside": "a/./b",
    "slash-first": "/a",
    "slash-last": "a/",
    "slashes": "a//b",
    "slash": "/",
    "space": " ",
    "space-first": " a",
    "space-last": "a ",
    "newline": "a\nb",
    "newline-last": "a\n",
    "tab": "a\tb",
    "nul": "a\0",
    "colon-first": ":a",
    "comma": "a,b",
    "at": "a@b",
    "percent": "a%b",
    "quote": "a'b",
    "double-quote": 'a"b',
    "backtick": "a`b",
    "equals": "a=b",
    "backslash": "a\\b",
    "dollar": "$a",
    "brackets": "a[0]",
    "superscript": "a²",
    "roman-numeral": "Ⅷ",
    "combining": "e\u0301",
    "zero-width": "a\u200b",
    "nbsp": "a\u00a0b",
    "long-250": "k" * 250,
    "long-251": "k" * 251,
    "long-250-wide": "é" * 250,
    "empty": "",
    "null": None,
    "number": 1,
    "list": [],
    "object": {},
    "boolean": True,
}
VALUES = {
    "empty": "",
    "null": None,
    "space": " ",
    "unicode": "größe 🚀",
    "quotes": "'\"`\\",
    "newline": "a\nb",
    "nul": "a\0b",
    "long-5000": "v" * 5000,
    "long-5001": "v" * 5001,
    "long-8000": "v" * 8000,
    "long-100000": "v" * 100_000,
    "long-100001": "v" * 100_001,
    "wide-100000": "é" * 100_000,
    "number": 1,
    "float": 1.5,
    "boolean": True,
    "list": ["a"],
    "object": {"a": 1},
}


def model_with_version(twin: Twin) -> str:
    name = twin.name()
    twin.post("registered-models/create", name=name).ok()
    twin.post("model-versions/create", name=name, source="s3://bucket/a").ok()
    return name


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_keys(twin: Twin, key: object) -> None:
    name, other = model_with_version(twin), twin.name("other")
    tags = [{"key": key, "value": "v"}]
    twin.post("registered-models/create", name=other, tags=tags)
    twin.post("model-versions/create", name=name, source="s3://bucket/b", tags=tags)
    twin.post("registered-models/set-tag", name=name, key=key, value="v")
    twin.post("model-versions/set-tag", name=name, version="1", key=key, value="v")
    twin.get("registered-models/get", name=other)
    twin.get("registered-models/get", name=name)
    twin.get("model-versions/get", name=name, version="1")
    twin.get("model-versions/get", name=name, version="2")
    twin.delete("registered-models/delete-tag", name=name, key=key)
    twin.delete("model-versions/delete-tag", name=name, version="1", key=key)
    twin.get("registered-models/get", name=name)
    twin.get("model-versions/get", name=name, version="1")


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_values(twin: Twin, value: object) -> None:
    name, other = model_with_version(twin), twin.name("other")
    tags = [{"key": "k", "value": value}]
    twin.post("registered-models/create", name=other, tags=tags)
    twin.post("model-versions/create", name=name, source="s3://bucket/b", tags=tags)
    twin.post("registered-models/set-tag", name=name, key="k", value=value)
    twin.post("model-versions/set-tag", name=name, version="1", key="k", value=value)
    twin.get("registered-models/get", name=other)
    twin.get("registered-models/get", name=name)
    twin.get("model-versions/get", name=name, version="2")
    twin.get("registered-models/search", filter=f"name = '{name}'")
    twin.get("model-versions/search", filter=f"name = '{name}'")


LISTS: dict[str, Any] = {
    "none": [],
    "null": None,
    "one": [{"key": "a", "value": "1"}],
    "no-value": [{"key": "a"}],
    "no-key": [{"value": "1"}],
    "nothing": [{}],
    "nulls": [{"key": "a", "value": None}],
    "null-item": [None],
    "unsorted": [{"key": key, "value": key} for key in "cabZA"],
    "twice": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}],
    "twice-apart": [
        {"key": "b", "value": "1"},
        {"key": "a", "value": "1"},
        {"key": "b", "value": "2"},
    ],
    "more-fields": [{"key": "a", "value": "1", "more": 1}],
    "one-bad": [{"key": "a", "value": "1"}, {"key": "a@", "value": "2"}],
    "texts": ["a"],
    "numbers": [1],
    "pairs": [["a", "1"]],
    "text": "a",
    "object": {"key": "a", "value": "1"},
    "number": 1,
    "true": True,
    "many": [{"key": f"k{number:03}", "value": str(number)} for number in range(150)],
    "same-but-for-case": [{"key": "a", "value": "1"}, {"key": "A", "value": "2"}],
}


@pytest.mark.parametrize("tags", LISTS.values(), ids=LISTS)
def test_lists_of_tags_at_creation(twin: Twin, tags: object) -> None:
    name = twin.name()
    twin.post("registered-models/create", name=name, tags=tags)
    twin.get("registered-models/get", name=name)
    other = twin.name("other")
    twin.post("registered-models/create", name=other).ok()
    twin.post("model-versions/create", name=other, source="s3://bucket/a", tags=tags)
    twin.get("model-versions/get", name=other, version="1")
    twin.get("registered-models/get", name=other)


def test_setting_and_deleting(twin: Twin) -> None:
    name = model_with_version(twin)
    for key, value in (("b", "1"), ("a", "1"), ("b", "2"), ("A", "3"), ("c", "")):
        twin.post("registered-models/set-tag", name=name, key=key, value=value)
        twin.post("model-versions/set-tag", name=name, version="1", key=key, value=value)
    twin.get("registered-models/get", name=name)
    twin.get("model-versions/get", name=name, version="1")
    for key in ("b", "b", "none", "A"):
        twin.delete("registered-models/delete-tag", name=name, key=key)
        twin.delete("model-versions/delete-tag", name=name, version="1", key=key)
    twin.get("registered-models/get", name=name)
    twin.get("model-versions/get", name=name, version="1")
    twin.post("registered-models/set-tag", name=name, key="d")
    twin.post("registered-models/set-tag", name=name, value="d")
    twin.post("registered-models/set-tag", name=name)
    twin.post("model-versions/set-tag", name=name, version="1", key="d")
    twin.post("model-versions/set-tag", name=name, version="1", value="d")
    twin.post("model-versions/set-tag", name=name, key="d", value="e")
    twin.delete("registered-models/delete-tag", name=name)
    twin.delete("model-versions/delete-tag", name=name, version="1")
    twin.delete("model-versions/delete-tag", name=name, key="d")
    twin.get("registered-models/get", name=name)
    twin.get("model-versions/get", name=name, version="1")


@pytest.mark.parametrize("version", ["2", "0", "-1", "abc", "1.0", "", "01", 1, None])
def test_tags_of_versions_that_are_none(twin: Twin, version: object) -> None:
    name = model_with_version(twin)
    twin.post("model-versions/set-tag", name=name, version=version, key="a", value="b")
    twin.delete("model-versions/delete-tag", name=name, version=version, key="a")
    twin.get("model-versions/get", name=name, version="1")


def test_tags_do_not_touch_times_and_stay_with_their_version(twin: Twin) -> None:
    name = model_with_version(twin)
    twin.post("model-versions/create", name=name, source="s3://bucket/b").ok()
    twin.post("model-versions/set-tag", name=name, version="1", key="a", value="b").ok()
    twin.post("registered-models/set-tag", name=name, key="m", value="b").ok()
    twin.get("registered-models/get", name=name)
    twin.get("model-versions/get", name=name, version="2")
    twin.delete("model-versions/delete", name=name, version="1").ok()
    twin.post("model-versions/set-tag", name=name, version="1", key="a", value="b")
    twin.delete("model-versions/delete-tag", name=name, version="1", key="a")
    twin.get("model-versions/search", filter="tags.a = 'b' AND name = '" + name + "'")
