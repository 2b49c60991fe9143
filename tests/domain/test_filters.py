"""The search language: what it reads, and how it says that it can't."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from muniment.domain.filters import (
    MAX_COMPARISONS,
    MAX_DEPTH,
    MAX_IN_VALUES,
    parse_filter,
    parse_order,
)
from muniment.domain.names import MAX_FILTER_CHARS
from muniment.domain.query import (
    MODEL_ATTRIBUTES,
    VERSION_ATTRIBUTES,
    And,
    Comparison,
    Expression,
    Field,
    FieldType,
    InSet,
    Literal,
    Namespace,
    Not,
    Op,
    Or,
    OrderBy,
    Scope,
    Target,
    attribute,
)
from muniment.errors import InvalidFilter, LimitExceeded

MODELS, VERSIONS = Target.MODELS, Target.VERSIONS
BOTH = pytest.mark.parametrize("target", list(Target))


def field_of(text: str, target: Target) -> Field:
    expression = parse_filter(f"{text} != 'x'", target)
    assert isinstance(expression, Comparison)
    return expression.field


def value_of(text: str, target: Target = VERSIONS) -> Literal:
    expression = parse_filter(text, target)
    assert isinstance(expression, Comparison)
    return expression.value


def tag(key: str, scope: Scope = Scope.VERSION) -> Field:
    return Field(scope, Namespace.TAG, key, FieldType.DYNAMIC)


def problem(text: str, target: Target = VERSIONS) -> InvalidFilter:
    with pytest.raises(InvalidFilter) as caught:
        parse_filter(text, target)
    return caught.value


A, B, C = (Comparison(tag(key), Op.EQ, 1) for key in "abc")


# -- structure -----------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_a_blank_filter_is_none(text: str, target: Target) -> None:
    assert parse_filter(text, target) is None


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("tags.a = 1", A),
        ("tags.a=1 AND tags.b=1 AND tags.c=1", And((A, B, C))),
        ("tags.a=1 OR tags.b=1 AND tags.c=1", Or((A, And((B, C))))),
        ("tags.a=1 AND tags.b=1 OR tags.c=1", Or((And((A, B)), C))),
        ("(tags.a=1 OR tags.b=1) AND tags.c=1", And((Or((A, B)), C))),
        ("NOT tags.a=1 AND tags.b=1", And((Not(A), B))),
        ("NOT (tags.a=1 OR tags.b=1)", Not(Or((A, B)))),
        ("not not tags.a=1 Or tags.b=1", Or((Not(Not(A)), B))),
        ("((tags.a=1))", A),
        ("tags.a IN (1, 'x', 2.5, TRUE)", InSet(tag("a"), (1, "x", 2.5, True))),
        ("tags.a not in (1)", Not(InSet(tag("a"), (1,)))),
        ("tags.a NOT LIKE 'x%'", Not(Comparison(tag("a"), Op.LIKE, "x%"))),
        ("tags.a nOt IlIkE 'x%'", Not(Comparison(tag("a"), Op.ILIKE, "x%"))),
    ],
)
def test_not_binds_tighter_than_and_and_and_tighter_than_or(text: str, tree: Expression) -> None:
    assert parse_filter(text, VERSIONS) == tree


def test_the_example_of_the_manual() -> None:
    text = (
        "name LIKE 'fraud%' AND tags.team = 'risk' AND metrics.auc >= 0.9 AND stage = 'Production'"
    )
    auc = Field(Scope.VERSION, Namespace.METRIC, "auc", FieldType.NUMBER)
    assert parse_filter(text, MODELS) == And(
        (
            Comparison(attribute(MODELS, "name"), Op.LIKE, "fraud%"),
            Comparison(tag("team", Scope.MODEL), Op.EQ, "risk"),
            Comparison(auc, Op.GE, 0.9),
            Comparison(attribute(VERSIONS, "stage"), Op.EQ, "Production"),
        )
    )


# -- fields --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [n for n, t in MODEL_ATTRIBUTES.items() if t is FieldType.STRING])
def test_a_search_of_models_knows_every_attribute_of_a_model(name: str) -> None:
    assert field_of(name, MODELS) == attribute(MODELS, name)
    assert field_of(f"model.{name}", MODELS) == attribute(MODELS, name)
    assert field_of(f"model.{name}", VERSIONS) == attribute(MODELS, name)
    assert field_of(f"attributes.{name}", MODELS) == attribute(MODELS, name)


@pytest.mark.parametrize(
    "name", [n for n, t in VERSION_ATTRIBUTES.items() if t is FieldType.STRING]
)
def test_a_search_of_versions_knows_every_attribute_of_a_version(name: str) -> None:
    assert field_of(name, VERSIONS) == attribute(VERSIONS, name)
    assert field_of(f"version.{name}", VERSIONS) == attribute(VERSIONS, name)
    assert field_of(f"version.{name}", MODELS) == attribute(VERSIONS, name)
    assert field_of(f"attribute.{name}", VERSIONS) == attribute(VERSIONS, name)


@pytest.mark.parametrize(
    "name", ["stage", "status", "checks", "framework", "label", "run_id", "digest"]
)
def test_a_search_of_models_reaches_what_only_versions_have(name: str) -> None:
    assert field_of(name, MODELS) == attribute(VERSIONS, name)


def test_name_and_model_both_mean_the_name_of_the_model() -> None:
    assert field_of("name", VERSIONS) == attribute(VERSIONS, "model")
    assert field_of("model", MODELS) == attribute(MODELS, "name")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("tags.team", "team"),
        ("tag.team", "team"),
        ("tags.a.b.c", "a.b.c"),
        ("tags.eval/auc-2:x", "eval/auc-2:x"),
        ("tags.2024", "2024"),
        ("tags.and", "and"),
        ("tags.größe", "größe"),
        ("tags.`my key`", "my key"),
        ('tags."my key"', "my key"),
        ('tags."a.b"', "a.b"),
        ('tags.a."b c".d', "a.b c.d"),
    ],
)
def test_keys_stand_plain_or_quoted(text: str, key: str) -> None:
    assert field_of(text, VERSIONS) == tag(key)


@pytest.mark.parametrize(
    ("text", "target", "scope"),
    [
        ("tags.x", MODELS, Scope.MODEL),
        ("tags.x", VERSIONS, Scope.VERSION),
        ("version.tags.x", MODELS, Scope.VERSION),
        ("model.tags.x", VERSIONS, Scope.MODEL),
    ],
)
def test_a_tag_belongs_to_what_is_searched_or_to_the_scope(
    text: str, target: Target, scope: Scope
) -> None:
    assert field_of(text, target) == tag("x", scope)


@BOTH
def test_params_and_metrics_are_the_version_s(target: Target) -> None:
    assert field_of("param.x", target) == Field(
        Scope.VERSION, Namespace.PARAM, "x", FieldType.DYNAMIC
    )
    metric = parse_filter("version.metric.x > 1", target)
    field = Field(Scope.VERSION, Namespace.METRIC, "x", FieldType.NUMBER)
    assert metric == Comparison(field, Op.GT, 1.0)


# -- values --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'x'", "x"),
        ("''", ""),
        ("'it''s'", "it's"),
        ('"it\'s"', "it's"),
        ('"say ""hi"""', 'say "hi"'),
        ("'\\%🙂\n'", "\\%🙂\n"),
        ("0", 0),
        ("+7", 7),
        ("-9223372036854775808", -(2**63)),
        ("9223372036854775807", 2**63 - 1),
        ("1.0", 1.0),
        ("-.5", -0.5),
        ("1e-3", 0.001),
        ("2E+3", 2000.0),
        ("true", True),
        ("False", False),
    ],
)
def test_literals(text: str, value: Literal) -> None:
    parsed = value_of(f"tags.x = {text}")
    assert (parsed, type(parsed)) == (value, type(value))


def test_numbers_for_metrics_are_doubles_and_for_sizes_stay_as_they_are() -> None:
    assert repr(value_of("metrics.x = 1")) == "1.0"
    assert repr(value_of("size = 1")) == "1"
    assert repr(value_of("size = 1.5")) == "1.5"


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-11-21", datetime(2026, 11, 21, tzinfo=UTC)),
        ("2026-11-21T11:33:00Z", datetime(2026, 11, 21, 11, 33, tzinfo=UTC)),
        ("2026-11-21T11:33:00.123+02:00", datetime(2026, 11, 21, 9, 33, 0, 123_000, tzinfo=UTC)),
    ],
)
def test_times_are_written_as_text(text: str, time: datetime) -> None:
    assert value_of(f"created_at > '{text}'") == time
    assert value_of(f"tags.created_at > '{text}'") == text


def test_statuses_and_digests_are_written_in_more_than_one_way() -> None:
    assert value_of("status = 'ready'") == "READY"
    assert value_of("stage = 'production'") == "production"
    assert value_of("digest = 'sha256:00ff'") == value_of("digest = '00ff'") == "00ff"
    assert value_of("tags.digest = 'sha256:00ff'") == "sha256:00ff"


# -- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("name LIKE fraud%", 11, "Expected text in quotes, found 'fraud'. Put text in quotes"),
        ("nmae = 'x'", 1, "no field 'nmae'. Did you mean name?"),
        ("slug = 'x'", 1, "Did you mean model.slug?"),
        ("tagz.team = 'x'", 1, "Did you mean tag.team or tags.team?"),
        ("colour = 'x'", 1, "Fields are id, model, version"),
        ("tags = 'x'", 1, "'tags' needs a key. Write it like tags.team."),
        ("model.metrics.auc > 1", 1, "A model has no metrics. Write metrics.auc."),
        ("'x' = name", 1, "Expected a field such as name, stage or tags.team"),
        ("label", 6, "Expected =, !=, <, <=, >, >=, LIKE, ILIKE or IN, found the end"),
        ("label == 'x'", 7, "found '=='"),
        ("label = ", 8, "Expected text in quotes, found the end"),
        ("label = 'x", 9, "no closing '"),
        ('label = "x', 9, 'no closing "'),
        ("label = ‘x’", 9, "'‘x’' can't be read. Put text in single quotes"),
        ("tags.x.`y = 1", 7, "can't be read"),
        ("label = 'x' label = 'y'", 13, "Expected AND, OR or the end, found 'label'"),
        ("label = 'x' AND", 16, "Expected a field"),
        ("AND label = 'x'", 1, "Expected a field such as name, stage or tags.team, found 'AND'"),
        ("(label = 'x'", 13, "Expected AND, OR or ')', found the end"),
        ("label = 'x')", 12, "Expected AND, OR or the end, found ')'"),
        ("label NOT = 'x'", 11, "Expected LIKE, ILIKE or IN, found '='"),
        ("label IN 'x'", 10, "Expected '(' and a list of values"),
        ("label IN ()", 11, "Expected text in quotes, found ')'"),
        ("label IN ('x' 'y')", 15, "Expected ',' or ')', found \"'y'\""),
        ("label IN ('x', 5)", 16, "Expected text in quotes, found '5'"),
        ("metrics.auc > 'x'", 15, "Expected a number, found \"'x'\""),
        ("metrics.auc = true", 15, "Expected a number, found 'true'"),
        ("size = true", 8, "Expected a number, found 'true'"),
        ("stage < 5", 9, "Expected text in quotes, found '5'"),
        ("tags.x LIKE 5", 13, "Expected text in quotes, found '5'"),
        ("size LIKE '5'", 6, "LIKE compares text, but 'size' is a number"),
        ("created_at ILIKE '5'", 12, "ILIKE compares text, but 'created_at' is a time"),
        ("tags.x <= false", 11, "Expected text in quotes or a number after <=, found 'false'"),
        ("created_at > 5", 14, "Expected a time such as '2026-11-21'"),
        ("created_at > 'monday'", 14, "'monday' is not a time. Write it like 2026-11-21T11"),
        ("created_at > '0001-01-01T00:00+14:00'", 14, "is not a time"),
        ("tags.x = 9223372036854775808", 10, "does not fit into 64 bits"),
        ("tags.x = " + "9" * 5_000, 10, "does not fit into 64 bits"),
        ("tags.x = 1e999", 10, "does not fit into a double"),
        ("tags.x = 12abc", 10, "'12abc' can't be read"),
        ("tags.x = 'a\0b'", 12, "The character '\\x00' can't stand in a filter"),
        ("tags.x = '\ud800'", 11, "can't stand in a filter"),
    ],
)
def test_an_error_points_at_the_column_and_says_what_was_expected(
    text: str, column: int, says: str
) -> None:
    error = problem(text)
    assert says in str(error)
    assert error.details["column"] == column
    assert error.message.startswith(f"Column {column}: ")


def test_an_error_shows_the_text_with_a_caret() -> None:
    assert problem("name LIKE fraud%").details["pointer"] == "name LIKE fraud%\n          ^"
    assert problem("label\n= 5").details["pointer"] == "label = 5\n        ^"


def test_the_pointer_into_a_long_filter_shows_what_is_near() -> None:
    text = "label = 'x' AND " * 150 + "label = 5" + " AND label = 'x'" * 40
    pointer = problem(text).details["pointer"]
    assert isinstance(pointer, str)
    line, caret = pointer.split("\n")
    assert len(line) == 100
    assert line[caret.index("^") :].startswith("5 AND label")


# -- limits --------------------------------------------------------------------------------------


def test_the_length_of_a_filter_is_limited() -> None:
    filler = " " * (MAX_FILTER_CHARS - len("size = 1"))
    assert parse_filter("size = 1" + filler, VERSIONS)
    with pytest.raises(LimitExceeded) as caught:
        parse_filter("size = 1 " + filler, VERSIONS)
    assert caught.value.details["limit"] == MAX_FILTER_CHARS


@pytest.mark.parametrize(("opening", "closing"), [("(", ")"), ("NOT ", ""), ("NOT(", ")")])
def test_the_depth_of_a_filter_is_limited(opening: str, closing: str) -> None:
    levels = MAX_DEPTH // (2 if opening == "NOT(" else 1)
    assert parse_filter(opening * levels + "size = 1" + closing * levels, VERSIONS)
    error = problem(opening * (levels + 1) + "size = 1" + closing * (levels + 1))
    assert error.details["column"] == len(opening * levels) + 1
    assert "nested more than 50 deep" in error.message


def test_siblings_do_not_count_as_depth() -> None:
    assert parse_filter(" AND ".join(["(size = 1)"] * MAX_COMPARISONS), VERSIONS)


def test_the_number_of_comparisons_is_limited() -> None:
    assert parse_filter(" OR ".join(["size = 1"] * MAX_COMPARISONS), VERSIONS)
    error = problem(" OR ".join(["size = 1"] * (MAX_COMPARISONS + 1)))
    assert "more than 200 comparisons" in error.message


def test_the_number_of_values_is_limited() -> None:
    assert parse_filter(f"size IN ({','.join('1' * MAX_IN_VALUES)})", VERSIONS)
    error = problem(f"size IN ({','.join('1' * (MAX_IN_VALUES + 1))})")
    assert "more than 1000 values" in error.message


# -- order ---------------------------------------------------------------------------------------


def test_order_keys() -> None:
    auc = Field(Scope.VERSION, Namespace.METRIC, "auc", FieldType.NUMBER)
    assert parse_order(["metrics.auc desc", " version  ASC ", "name"], VERSIONS) == (
        OrderBy(auc, descending=True),
        OrderBy(attribute(VERSIONS, "version")),
        OrderBy(attribute(VERSIONS, "model")),
    )
    assert parse_order(["name DESC"], MODELS) == (OrderBy(attribute(MODELS, "name"), True),)
    assert parse_order([], MODELS) == ()


@pytest.mark.parametrize(
    ("keys", "target", "column", "says"),
    [
        ([""], MODELS, 1, "Expected a field such as name"),
        (["name", "nmae"], MODELS, 1, "Did you mean name?"),
        (["name down"], MODELS, 6, "Expected ASC, DESC or the end, found 'down'"),
        (["name desc desc"], MODELS, 11, "Expected ASC, DESC or the end"),
        (["name, id"], MODELS, 5, "Expected ASC, DESC or the end, found ','"),
        (["stage"], MODELS, 1, "Models can't be ordered by 'stage'. Order by id, name,"),
        (["metrics.auc"], MODELS, 1, "Models can't be ordered by 'metrics.auc'"),
        (["model.id"], VERSIONS, 1, "Versions can't be ordered by 'id'"),
        (["tags.x"], VERSIONS, 1, "Versions can't be ordered by 'tags.x'"),
        (["params.x"], VERSIONS, 1, "or metrics.<key>."),
        (["alias"], VERSIONS, 1, "can't be ordered by 'alias'"),
        (["description"], MODELS, 1, "can't be ordered by 'description'"),
        (["name", "id", "name desc"], MODELS, 1, "'name desc' orders by a field that an earlier"),
        (["name", "model"], VERSIONS, 1, "'model' orders by a field that an earlier key"),
        ([f"metrics.m{n}" for n in range(6)], VERSIONS, 1, "'metrics.m5' is one order key too"),
    ],
)
def test_wrong_order_keys(keys: list[str], target: Target, column: int, says: str) -> None:
    with pytest.raises(InvalidFilter) as caught:
        parse_order(keys, target)
    assert says in str(caught.value)
    assert caught.value.details["column"] == column


# -- any text ------------------------------------------------------------------------------------

WORDS = ["name", "tags.a", "metrics.b", "created_at", "stage", "model.", "LIKE", "in", "not", "OR"]
MARKS = ["=", "!=", "<=", "(", ")", ",", "'", '"', "`", ".", "'%x'", "5", "-1.5e3", "true", "\0"]
PIECES = st.sampled_from(WORDS + MARKS)


@BOTH
@given(text=st.one_of(st.text(), st.lists(PIECES, max_size=12).map(" ".join)))
@example(text="((((")
def test_any_text_is_read_or_refused_with_a_column_inside_it(text: str, target: Target) -> None:
    try:
        parse_filter(text, target)
    except InvalidFilter as error:
        column = error.details["column"]
        assert isinstance(column, int)
        assert 1 <= column <= len(text) + 1


LITERALS: st.SearchStrategy[Literal] = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
)
KEYS = st.text("aB9_ .-/:é", min_size=1).filter(lambda key: key == key.strip())
COMPARISONS = st.one_of(
    st.builds(Comparison, KEYS.map(tag), st.sampled_from([Op.EQ, Op.NE]), LITERALS),
    st.builds(Comparison, KEYS.map(tag), st.sampled_from([Op.LIKE, Op.ILIKE]), st.text("%_\\a'")),
    st.builds(InSet, KEYS.map(tag), st.lists(LITERALS, min_size=1, max_size=3).map(tuple)),
)
TREES: st.SearchStrategy[Expression] = st.recursive(
    COMPARISONS,
    lambda trees: st.one_of(
        st.builds(And, st.lists(trees, min_size=2, max_size=3).map(tuple)),
        st.builds(Or, st.lists(trees, min_size=2, max_size=3).map(tuple)),
        st.builds(Not, trees),
    ),
    max_leaves=8,
)


def written(value: Literal) -> str:
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)


def unparse(tree: Expression) -> str:
    match tree:
        case And(parts):
            return "(" + " AND ".join(map(unparse, parts)) + ")"
        case Or(parts):
            return "(" + " OR ".join(map(unparse, parts)) + ")"
        case Not(part):
            return f"NOT {unparse(part)}"
        case Comparison(field, op, value):
            return f"tags.`{field.name}` {op} {written(value)}"
        case InSet(field, values):
            return f"tags.`{field.name}` IN ({', '.join(map(written, values))})"


@given(tree=TREES)
def test_every_tree_can_be_written_and_is_read_back(tree: Expression) -> None:
    assert repr(parse_filter(unparse(tree), VERSIONS)) == repr(tree)
