"""Names of models, from their making to their end, on both servers."""

from __future__ import annotations

import pytest

from tests.mlflow.twin import Twin

NAMES = {
    "plain": "plain",
    "upper": "MiXed",
    "digits": "123",
    "unicode": "größe-模型-модель",
    "combining": "e\u0301",
    "composed": "\u00e9",
    "emoji": "🚀🧪",
    "rtl": "\u202eabc",
    "zero-width": "a\u200bb",
    "spaces": "a b  c",
    "leading-space": " a",
    "trailing-space": "a ",
    "quotes": 'it\'s "quoted" `so`',
    "backslash": "a\\b",
    "percent": "100%25",
    "percent-slash": "a%2Fb",
    "at": "a@b",
    "hash": "a#b?c&d=e",
    "plus": "a+b",
    "underscore-percent": "a_b%c",
    "brackets": "<b>{x}[y](z)",
    "semicolon": "a;b,c|d",
    "newline": "a\nb",
    "tab": "a\tb",
    "nul": "a\0b",
    "escape": "a\x1b[31m",
    "delete": "a\x7f",
    "inner-dots": "a..b",
    "trailing-dot": "a.",
    "slash": "a/b",
    "colon": "a:b",
    "long-255": "x" * 240,
    "long-256": "x" * 256,
    "long-2000": "x" * 2000,
    "surrogate": "\ud83d",
}
BARE = {
    "empty": "",
    "space": " ",
    "tabs": "\t\n",
    "nbsp": "\u00a0",
    "dot": ".",
    "dots": "..",
    "dots-and-more": "..x",
    "three-dots": "...",
    "slash": "/",
    "colon": ":",
    "slash-first": "/a",
    "dot-slash": "./a",
    "null": None,
    "number": 1,
    "boolean": True,
    "list": ["a"],
    "object": {"a": 1},
    "float": 1.5,
}


@pytest.mark.parametrize("stem", NAMES.values(), ids=NAMES)
def test_a_name_is_taken_as_it_is_or_refused(twin: Twin, stem: str) -> None:
    name = twin.name(stem)
    other = twin.name(f"other {stem}")
    twin.post("registered-models/create", name=name)
    twin.post("registered-models/create", name=name)
    twin.get("registered-models/get", name=name)
    twin.patch("registered-models/update", name=name, description="words")
    twin.post("registered-models/set-tag", name=name, key="k", value="v")
    twin.post("model-versions/create", name=name, source="s3://bucket/a")
    twin.post("registered-models/alias", name=name, alias="best", version="1")
    twin.get("model-versions/get", name=name, version="1")
    twin.get("registered-models/alias", name=name, alias="best")
    twin.post("registered-models/rename", name=name, new_name=other)
    twin.get("registered-models/get", name=name)
    twin.get("registered-models/get", name=other)
    twin.get("model-versions/get", name=other, version="1")
    twin.delete("registered-models/delete", name=other)
    twin.get("registered-models/get", name=other)


@pytest.mark.parametrize("name", BARE.values(), ids=BARE)
def test_what_is_no_name_is_refused_everywhere(twin: Twin, name: object) -> None:
    model = twin.name()
    twin.post("registered-models/create", name=model).ok()
    twin.post("registered-models/create", name=name)
    twin.post("registered-models/get-latest-versions", name=name)
    twin.post("registered-models/rename", name=name, new_name=model)
    twin.post("registered-models/rename", name=model, new_name=name)
    twin.get("registered-models/get", name=model)
    twin.patch("registered-models/update", name=name, description="x")
    twin.post("registered-models/set-tag", name=name, key="k", value="v")
    twin.delete("registered-models/delete-tag", name=name, key="k")
    twin.post("registered-models/alias", name=name, alias="a", version="1")
    twin.delete("registered-models/alias", name=name, alias="a")
    twin.post("model-versions/create", name=name, source="s3://bucket/a")
    twin.post("model-versions/transition-stage", name=name, version="1", stage="Staging")
    twin.patch("model-versions/update", name=name, version="1", description="x")
    twin.post("model-versions/set-tag", name=name, version="1", key="k", value="v")
    twin.delete("model-versions/delete-tag", name=name, version="1", key="k")
    twin.delete("model-versions/delete", name=name, version="1")
    twin.delete("registered-models/delete", name=name)
    if isinstance(name, str):
        twin.get("registered-models/get", name=name)
        twin.get("registered-models/get-latest-versions", name=name)
        twin.get("registered-models/alias", name=name, alias="a")
        twin.get("model-versions/get", name=name, version="1")
        twin.get("model-versions/get-download-uri", name=name, version="1")


def test_names_differ_by_case_and_by_composition(twin: Twin) -> None:
    for stem in ("a", "A", "é", "e\u0301", "ß", "ss", "ﬀ", "ff"):
        twin.post("registered-models/create", name=twin.name(stem), description=stem)
    for stem in ("a", "A", "é", "e\u0301", "ß", "SS", "ss", "ff"):
        twin.get("registered-models/get", name=twin.name(stem))
    twin.get("registered-models/search", filter=f"name LIKE '{twin.unique}%'")
    twin.get("registered-models/search", filter=f"name ILIKE '{twin.unique}A'")
    twin.get("registered-models/search", filter=f"name ILIKE '{twin.unique}É'")


def test_a_name_is_taken_once(twin: Twin) -> None:
    name = twin.name()
    twin.post("registered-models/create", name=name, description="first").ok()
    twin.post("registered-models/create", name=name, description="second")
    twin.post("registered-models/create", name=name, tags=[{"key": "k", "value": "v"}])
    twin.get("registered-models/get", name=name)


def test_renaming_takes_everything_along(twin: Twin) -> None:
    old, new = twin.name("old"), twin.name("new")
    twin.post(
        "registered-models/create",
        name=old,
        description="words",
        tags=[{"key": "b", "value": "2"}, {"key": "a", "value": "1"}],
    ).ok()
    for number in "123":
        twin.post(
            "model-versions/create",
            name=old,
            source=f"s3://bucket/{number}",
            run_id=f"run{number}",
            description=f"version {number}",
            tags=[{"key": "t", "value": number}],
        ).ok()
    twin.post("registered-models/alias", name=old, alias="one", version="1").ok()
    twin.post("registered-models/alias", name=old, alias="two", version="2").ok()
    twin.post("model-versions/transition-stage", name=old, version="2", stage="Production").ok()
    twin.post("registered-models/rename", name=old, new_name=new).ok()
    twin.get("registered-models/get", name=old)
    twin.get("registered-models/get", name=new)
    for number in "123":
        twin.get("model-versions/get", name=old, version=number)
        twin.get("model-versions/get", name=new, version=number)
        twin.get("model-versions/get-download-uri", name=new, version=number)
    twin.get("registered-models/alias", name=new, alias="one")
    twin.get("registered-models/alias", name=old, alias="one")
    twin.post("model-versions/create", name=new, source="s3://bucket/4")
    twin.post("model-versions/create", name=old, source="s3://bucket/4")
    twin.get("model-versions/search", filter=f"name='{new}'")
    twin.post("registered-models/create", name=old)
    twin.post("model-versions/create", name=old, source="s3://bucket/1")
    twin.post("registered-models/rename", name=new, new_name=old)
    twin.post("registered-models/rename", name=old, new_name=old)
    twin.get("registered-models/get", name=old)
    twin.post("registered-models/rename", name=twin.name("none"), new_name=twin.name("x"))
    twin.post("registered-models/rename", name=twin.name("none"), new_name=old)
    twin.post("registered-models/rename", name=old)
    twin.post("registered-models/rename", new_name=old)
    twin.post("registered-models/rename", name=old, new_name=None)


def test_a_deleted_model_leaves_nothing_to_its_successor(twin: Twin) -> None:
    name = twin.name()
    for _ in range(2):
        twin.post("registered-models/create", name=name, description="d").ok()
        twin.post("registered-models/set-tag", name=name, key="k", value="v").ok()
        twin.post("model-versions/create", name=name, source="s3://bucket/a").ok()
        twin.post("model-versions/create", name=name, source="s3://bucket/b").ok()
        twin.post("registered-models/alias", name=name, alias="best", version="2").ok()
        twin.post("model-versions/set-tag", name=name, version="1", key="k", value="v").ok()
        twin.delete("registered-models/delete", name=name).ok()
        twin.get("registered-models/get", name=name)
        twin.get("model-versions/get", name=name, version="1")
        twin.get("model-versions/get-download-uri", name=name, version="1")
        twin.get("model-versions/search", filter=f"name='{name}'")
        twin.get("registered-models/search", filter=f"name='{name}'")
        twin.get("registered-models/alias", name=name, alias="best")
        twin.delete("registered-models/delete", name=name)
        twin.post("registered-models/create", name=name).ok()
        twin.get("registered-models/get", name=name)
        twin.get("registered-models/alias", name=name, alias="best")
        twin.delete("registered-models/delete", name=name).ok()


def test_what_is_not_there_is_missing_everywhere(twin: Twin) -> None:
    name = twin.name("none")
    twin.get("registered-models/get", name=name)
    twin.post("registered-models/get-latest-versions", name=name)
    twin.get("registered-models/get-latest-versions", name=name)
    twin.patch("registered-models/update", name=name, description="x")
    twin.post("registered-models/rename", name=name, new_name=twin.name("other"))
    twin.delete("registered-models/delete", name=name)
    twin.post("registered-models/set-tag", name=name, key="k", value="v")
    twin.delete("registered-models/delete-tag", name=name, key="k")
    twin.post("registered-models/alias", name=name, alias="a", version="1")
    twin.delete("registered-models/alias", name=name, alias="a")
    twin.get("registered-models/alias", name=name, alias="a")
    twin.get("registered-models/alias", name=name, alias="latest")
    twin.post("model-versions/create", name=name, source="s3://bucket/a")
    twin.get("model-versions/get", name=name, version="1")
    twin.get("model-versions/get-download-uri", name=name, version="1")
    twin.patch("model-versions/update", name=name, version="1", description="x")
    twin.delete("model-versions/delete", name=name, version="1")
    twin.post("model-versions/transition-stage", name=name, version="1", stage="Staging")
    twin.post("model-versions/set-tag", name=name, version="1", key="k", value="v")
    twin.delete("model-versions/delete-tag", name=name, version="1", key="k")
    twin.get("model-versions/search", filter=f"name='{name}'")


DESCRIPTIONS = {
    "absent": {},
    "null": {"description": None},
    "empty": {"description": ""},
    "space": {"description": " "},
    "words": {"description": "words, more words"},
    "unicode": {"description": "größe\n\t🚀"},
    "nul": {"description": "a\0b"},
    "long-5000": {"description": "x" * 5000},
    "long-5001": {"description": "x" * 5001},
    "long-100000": {"description": "é" * 100_000},
    "number": {"description": 1},
    "list": {"description": []},
    "object": {"description": {}},
    "boolean": {"description": False},
}


@pytest.mark.parametrize("fields", DESCRIPTIONS.values(), ids=DESCRIPTIONS)
def test_descriptions(twin: Twin, fields: dict[str, object]) -> None:
    name, other = twin.name("m"), twin.name("other")
    twin.post("registered-models/create", name=name, **fields)
    twin.get("registered-models/get", name=name)
    twin.post("registered-models/create", name=other, description="before").ok()
    twin.patch("registered-models/update", name=other, **fields)
    twin.get("registered-models/get", name=other)
    source = "s3://bucket/a"
    twin.post("model-versions/create", name=other, source=source, **fields)
    twin.post("model-versions/create", name=other, source=source, description="before").ok()
    twin.patch("model-versions/update", name=other, version="1", **fields)
    twin.patch("model-versions/update", name=other, version="2", **fields)
    twin.get("model-versions/get", name=other, version="1")
    twin.get("model-versions/get", name=other, version="2")
    twin.get("registered-models/get", name=other)
    twin.get("registered-models/search", filter=f"name LIKE '{twin.unique}%'")
