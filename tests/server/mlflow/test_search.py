"""MLflow's search language: what it finds, in which order, page by page."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.domain.query import (
    And,
    Comparison,
    Expression,
    Field,
    FieldType,
    InSet,
    Namespace,
    Not,
    Op,
    OrderBy,
    Scope,
    Target,
    attribute,
)
from muniment.errors import InvalidFilter, LimitExceeded, MunimentError
from muniment.server.mlflow.search import parse_filter, parse_order
from tests.server.mlflow.registry import INVALID, Registry

NAME = attribute(Target.MODELS, "name")
NO_PROMPT = Not(
    Comparison(
        Field(Scope.MODEL, Namespace.TAG, "mlflow.prompt.is_prompt", FieldType.DYNAMIC),
        Op.EQ,
        "true",
    )
)


@pytest.fixture
def sea(registry: Registry) -> Registry:
    """Some models with one version each; `x_y` lacks the tags."""
    for name in ("Zed", "sea", "SeaB", "séa", "x%y", "x_y"):
        tags = [{"key": "team", "value": "risk"}, {"key": "a.b", "value": "1"}]
        registry.model(name, tags=tags if name != "x_y" else [])
        registry.version(
            name,
            f"s3://b/{name}",
            run_id=f"run{name}",
            tags=[{"key": "team", "value": name}],
        )
    return registry


EVERY = ["SeaB", "Zed", "sea", "séa", "x%y", "x_y"]


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ("", EVERY),
        ("name = 'sea'", ["sea"]),
        ('name="sea"', ["sea"]),
        ("name='SEA'", []),
        ("attribute.name = 'sea'", ["sea"]),
        ("name != 'sea'", ["SeaB", "Zed", "séa", "x%y", "x_y"]),
        ("name LIKE 'se%'", ["sea"]),
        ("name like 'SE%'", []),
        ("name ILIKE 'SE%'", ["SeaB", "sea"]),
        ("name LIKE 's_a'", ["sea", "séa"]),
        ("name LIKE 'ea'", []),
        ("name IN ('sea', \"Zed\")", ["Zed", "sea"]),
        ("name IN ('sea',)", ["sea"]),
        ("name NOT IN ('sea', 'Zed')", ["SeaB", "séa", "x%y", "x_y"]),
        ("tags.team = 'risk'", ["SeaB", "Zed", "sea", "séa", "x%y"]),
        ("tag.team != 'other'", ["SeaB", "Zed", "sea", "séa", "x%y"]),
        ("tags.team != 'risk'", []),
        ("tags.team ILIKE 'RI%'", ["SeaB", "Zed", "sea", "séa", "x%y"]),
        ("tags.nothing != 'x'", []),
        ("tags.a.b = '1' AND name = 'sea'", ["sea"]),
        ("tags.`a.b` = '1' AND name = 'sea'", ["sea"]),
        ("tags.\"a.b\" = '1' and name = 'sea'", ["sea"]),
        ("name='sea' name LIKE 's%'", ["sea"]),
        ("AND name='sea' AND", ["sea"]),
        ("name\n=\n'sea'", ["sea"]),
        ("name = 'a AND b'", []),
        ("name = 'it''s'", []),
    ],
)
def test_models_are_found(sea: Registry, filter: str, found: list[str]) -> None:
    assert sea.models(filter) == found


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ("", EVERY),
        ("name = 'sea'", ["sea"]),
        ("run_id = 'runsea'", ["sea"]),
        ("run_id IN ('runsea', 'runZed', 'other')", ["Zed", "sea"]),
        ("run_id NOT IN ('runsea') AND name LIKE 's%'", ["séa"]),
        ("run_id LIKE 'run_e_'", ["Zed", "sea"]),
        ("source_path = 's3://b/sea'", ["sea"]),
        ("source_path ILIKE 'S3://B/SE%'", ["SeaB", "sea"]),
        ("version_number = 1 AND name = 'sea'", ["sea"]),
        ("version_number >= '01' AND name = 'sea'", ["sea"]),
        ("version_number > 1", []),
        ("version_number = -1", []),
        ("version_number < 99999999999999999999", EVERY),
        ("tags.team = 'sea'", ["sea"]),
        ("tags.team != 'sea' AND name LIKE 's%'", ["séa"]),
    ],
)
def test_versions_are_found(sea: Registry, filter: str, found: list[str]) -> None:
    assert sorted(sea.versions(filter)) == [f"{name}/1" for name in found]


@pytest.mark.parametrize(
    "filter",
    [
        "   ",
        "name",
        "name =",
        "= 'sea'",
        "name = sea",
        "name = `sea`",
        "name = 3",
        "name = 'sea",
        "'name' = 'sea'",
        "`name` = 'sea'",
        "Name = 'sea'",
        "description = 'x'",
        "attributes.name = 'sea'",
        "params.x = '1'",
        "metrics.x = 1",
        "tags = 'x'",
        "name == 'sea'",
        "name <> 'sea'",
        "name > 'sea'",
        "name NOT LIKE 'sea'",
        "name IS NULL",
        "name IN ()",
        "name IN 'sea'",
        "name IN ('sea', 3)",
        "name IN (sea)",
        "name IN ('sea' 'Zed')",
        "tags.team IN ('risk')",
        "tags.team > 'a'",
        "tags.team = 3",
        "tags.a-b = '1'",
        "name = 'a' OR name = 'b'",
        "NOT name = 'a'",
        "(name = 'a')",
        "name = 'a', name = 'b'",
        "name = 'a'; name = 'b'",
        "name = 'a' -- b",
        "1 = 1",
    ],
)
def test_what_is_no_filter_is_refused(registry: Registry, filter: str) -> None:
    assert registry.refused("GET", "registered-models/search", filter=filter) == INVALID


@pytest.mark.parametrize(
    "filter",
    [
        "current_stage = 'None'",
        "version = '1'",
        "alias = 'x'",
        "source_path IN ('x')",
        "run_id > 'a'",
        "version_number = 1.5",
        "version_number = 'abc'",
        "version_number = 1e0",
        "version_number LIKE '1'",
        "version_number IN (1)",
        "attribute.`run_id` = 'x'",
    ],
)
def test_what_can_not_be_asked_of_versions_is_refused(registry: Registry, filter: str) -> None:
    assert registry.refused("GET", "model-versions/search", filter=filter) == INVALID


def test_a_refusal_shows_where_it_goes_wrong(registry: Registry) -> None:
    answer = registry.ask("GET", "registered-models/search", filter="name = 'a' OR name = 'b'")
    assert "'OR'" in answer.json()["message"]


# -- order ---------------------------------------------------------------------------------------


@pytest.fixture
def dated(registry: Registry) -> Registry:
    """Versions a/1, a/2, b/1, B/1, each later than the one before; then a/1 is changed."""
    for name in ("a", "b", "B"):
        registry.model(name)
    for name in ("a", "a", "b", "B"):
        time.sleep(0.002)
        registry.version(name)
    time.sleep(0.002)
    registry.do("PATCH", "model-versions/update", name="a", version="1", description="x")
    return registry


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ([], ["a/1", "B/1", "b/1", "a/2"]),
        (["name"], ["B/1", "a/2", "a/1", "b/1"]),
        (["name DESC", "version_number asc"], ["b/1", "a/1", "a/2", "B/1"]),
        (["version_number"], ["B/1", "a/1", "b/1", "a/2"]),
        (["attribute.version_number DESC"], ["a/2", "B/1", "a/1", "b/1"]),
        (["creation_timestamp"], ["a/1", "a/2", "b/1", "B/1"]),
        (["last_updated_timestamp DESC"], ["a/1", "B/1", "b/1", "a/2"]),
        (["`name` ASC", "last_updated_timestamp"], ["B/1", "a/2", "a/1", "b/1"]),
    ],
)
def test_versions_are_ordered(dated: Registry, order: list[str], found: list[str]) -> None:
    assert dated.versions(order_by=order) == found


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ([], ["B", "a", "b"]),
        (["name DESC"], ["b", "a", "B"]),
        (["timestamp"], ["a", "b", "B"]),
        (["last_updated_timestamp  desc", "name"], ["B", "b", "a"]),
    ],
)
def test_models_are_ordered(dated: Registry, order: list[str], found: list[str]) -> None:
    assert dated.models(order_by=order) == found


@pytest.mark.parametrize(
    "key",
    [
        "",
        "NAME",
        "name foo",
        "name ASC DESC",
        "name, timestamp",
        "'name'",
        "name;",
        "tags.x",
        " name ",
    ],
)
def test_what_is_no_order_is_refused(registry: Registry, key: str) -> None:
    for kind in ("registered-models", "model-versions"):
        assert registry.refused("GET", f"{kind}/search", order_by=[key]) == INVALID


def test_models_and_versions_are_ordered_by_fields_of_their_own(registry: Registry) -> None:
    for kind, key in (
        ("registered-models", "creation_timestamp"),
        ("registered-models", "attribute.name"),
        ("registered-models", "version_number"),
        ("model-versions", "timestamp"),
        ("model-versions", "run_id"),
    ):
        assert registry.refused("GET", f"{kind}/search", order_by=[key]) == INVALID


def test_a_field_is_ordered_by_once() -> None:
    for keys in (["name", "name DESC"], ["timestamp", "last_updated_timestamp"]):
        with pytest.raises(MunimentError) as caught:
            parse_order(keys, Target.MODELS)
        assert type(caught.value) is MunimentError


# -- pages ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["registered-models", "model-versions"])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 6, 7])
def test_pages_hold_everything_once_and_the_last_has_no_token(
    sea: Registry, kind: str, size: int
) -> None:
    found: list[str] = []
    token = ""
    for _ in range(10):
        page = sea.do(
            "GET", f"{kind}/search", max_results=size, page_token=token, order_by=["name DESC"]
        )
        items = page[kind.replace("-", "_")]
        assert 0 < len(items) <= size
        found += [item["name"] for item in items]
        token = page.get("next_page_token", "")
        if not token:
            break
    assert found == EVERY[::-1]


def test_pages_go_on_where_versions_of_many_models_have_the_same_time(registry: Registry) -> None:
    registry.model("m")
    for _ in range(5):
        registry.version("m")
    registry.do("POST", "registered-models/rename", name="m", new_name="n")  # one time for all
    first = registry.do("GET", "model-versions/search", max_results=2)
    second = registry.do(
        "GET", "model-versions/search", max_results=2, page_token=first["next_page_token"]
    )
    numbers = [v["version"] for page in (first, second) for v in page["model_versions"]]
    assert numbers == ["5", "4", "3", "2"]
    assert not any("aliases" in version for version in first["model_versions"])


@pytest.mark.parametrize("token", ["bad", "eyJvZmZzZXQiOiAxfQ==", "é", "x" * 20_000])
def test_a_token_that_was_not_given_out_is_refused(sea: Registry, token: str) -> None:
    for kind in ("registered-models", "model-versions"):
        assert sea.refused("GET", f"{kind}/search", page_token=token) == INVALID


def test_page_sizes_have_their_limits(registry: Registry) -> None:
    for kind, most in (("registered-models", 1_000), ("model-versions", 200_000)):
        assert registry.do("GET", f"{kind}/search", max_results=most) == {}
        for wrong in (0, -1, most + 1):
            assert registry.refused("GET", f"{kind}/search", max_results=wrong) == INVALID


# -- the parser alone ----------------------------------------------------------------------------

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="'\"\0\\"), max_size=8)
keys = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="`\"'\0\\"), max_size=8)


def written(value: str) -> st.SearchStrategy[str]:
    return st.sampled_from([f"'{value}'", f'"{value}"'])


@st.composite
def clauses(draw: st.DrawFn) -> tuple[str, Expression]:
    """A clause as somebody may write it, and what it means."""
    value = draw(texts)
    op = draw(st.sampled_from([Op.EQ, Op.NE, Op.LIKE, Op.ILIKE]))
    word = draw(st.sampled_from([op.value, op.value.lower()]))
    space = draw(st.sampled_from([" ", "  ", "\n"]))
    kind = draw(st.integers(0, 2))
    if kind == 0:
        name = draw(st.sampled_from(["name", "attribute.name"]))
        return f"{name}{space}{word}{space}{draw(written(value))}", Comparison(NAME, op, value)
    if kind == 1:
        key = draw(keys)
        of = draw(st.sampled_from(["tag", "tags"]))
        field = Field(Scope.MODEL, Namespace.TAG, key, FieldType.DYNAMIC)
        return f"{of}.`{key}`{space}{word}{space}{draw(written(value))}", Comparison(
            field, op, value
        )
    values = draw(st.lists(texts, min_size=1, max_size=3))
    listed = draw(st.sampled_from([", ", ","])).join(draw(written(v)) for v in values)
    inside = InSet(NAME, tuple(values))
    negated = draw(st.booleans())
    return (
        f"name {'NOT ' if negated else ''}IN{space}({listed})",
        Not(inside) if negated else inside,
    )


@given(st.lists(clauses(), min_size=1, max_size=4))
def test_a_filter_means_all_of_its_clauses(parts: list[tuple[str, Expression]]) -> None:
    text = " AND ".join(clause for clause, _ in parts)
    assert parse_filter(text, Target.MODELS) == And((*(part for _, part in parts), NO_PROMPT))


@given(st.text(max_size=60) | st.text(alphabet="name'\" =()`.,tgs!<>%AND-0", max_size=60))
def test_any_other_text_is_refused_as_a_filter_and_never_breaks(text: str) -> None:
    for target in Target:
        try:
            parse_filter(text, target)
        except InvalidFilter as error:
            assert error.details["field"] == "filter"


@given(st.text(max_size=30) | st.text(alphabet="name`. DESCasc", max_size=30))
def test_any_other_text_is_refused_as_an_order(text: str) -> None:
    for target in Target:
        try:
            parse_order([text], target)
        except InvalidFilter as error:
            assert error.details["field"] == "order_by"


def test_no_filter_is_without_end() -> None:
    for endless in (
        " AND ".join(["name = 'a'"] * 201),
        f"name IN ({', '.join(['1'.join(chr(39) * 2)] * 1_001)})",
        "name = '" + "x" * 20_000 + "'",
    ):
        with pytest.raises(LimitExceeded):
            parse_filter(endless, Target.MODELS)


def test_without_an_order_of_its_own_a_search_has_one() -> None:
    assert parse_order([], Target.MODELS) == (OrderBy(NAME),)
    assert [by.field.name for by in parse_order([], Target.VERSIONS)] == [
        "updated_at",
        "model",
        "version",
    ]
