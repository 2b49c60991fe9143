"""Searching models and versions, on both servers: the language, the order, the pages."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.mlflow.twin import Twin

MODELS: dict[str, dict[str, Any]] = {
    "alpha": {"tags": {"team": "Red", "a.b": "1", "with space": "x", "path/to": "p"}},
    "Beta": {"tags": {"team": "blue"}, "description": "words"},
    "be_ta": {"tags": {"team": ""}},
    "be%ta": {"tags": {"team": "100%", "empty": ""}},
    "it's": {"tags": {"quote": "it's", "double": 'say "x"'}},
    "größe": {"tags": {"größe": "Ä", "team": "RED"}},
    "back\\slash": {"tags": {"back": "a\\b"}},
    "prompt": {"tags": {"mlflow.prompt.is_prompt": "true"}},
    "no-prompt": {"tags": {"mlflow.prompt.is_prompt": "false"}},
    "prompt-case": {"tags": {"mlflow.prompt.is_prompt": "True"}},
    "star*?[a]": {"tags": {"n": "10"}},
    "zed": {"tags": {"n": "9", "A": "upper", "a": "lower"}},
}


@pytest.fixture(scope="module")
def shop(clients: tuple[httpx.Client, httpx.Client], worker: str) -> Twin:
    """Both servers with a dozen models and their versions, that no test here changes."""
    twin = Twin(*clients, f"{worker}shop-")
    for stem, fields in MODELS.items():
        tags = [{"key": key, "value": value} for key, value in fields["tags"].items()]
        name = twin.name(stem)
        twin.post(
            "registered-models/create",
            name=name,
            tags=tags,
            description=fields.get("description"),
        ).ok()
        if "prompt" in stem:
            continue
        for number in range(3):
            twin.post(
                "model-versions/create",
                name=name,
                source=f"s3://bucket/{stem}/{number}" if number else "s3://bucket/same",
                run_id=f"run-{number}" if number else None,
                tags=[*tags[:number], {"key": "number", "value": str(number)}],
            ).ok()
    twin.patch("registered-models/update", name=twin.name("alpha"), description="later").ok()
    twin.patch("model-versions/update", name=twin.name("Beta"), version="2", description="x").ok()
    twin.post(
        "model-versions/transition-stage", name=twin.name("zed"), version="1", stage="Staging"
    ).ok()
    twin.post("registered-models/alias", name=twin.name("zed"), alias="best", version="2").ok()
    twin.check()
    return twin


OURS = "name LIKE '{u}%'"
"""What keeps a search to the models of this module."""

TWO_CLAUSES_ON_PROMPTS = [
    f"{OURS} AND tags.`mlflow.prompt.is_prompt` {first} AND tag.`mlflow.prompt.is_prompt` {second}"
    for first, second in (
        ("!= 'true'", "!= 'false'"),
        ("!= 'true'", "= 'true'"),
        ("= 'true'", "!= 'true'"),
        ("= 'false'", "!= 'true'"),
        ("!= 'false'", "LIKE 't%'"),
        ("LIKE 't%'", "= 'true'"),
    )
]

MODEL_FILTERS = [
    "name = '{u}alpha'",
    "name='{u}alpha'",
    "name  =  '{u}alpha'",
    " name = '{u}alpha' ",
    "name\t=\n'{u}alpha'",
    'name = "{u}alpha"',
    "name = `{u}alpha`",
    "name = {u}alpha",
    "name == '{u}alpha'",
    "name = '{u}Alpha'",
    "NAME = '{u}alpha'",
    "Name = '{u}alpha'",
    "`name` = '{u}alpha'",
    "\"name\" = '{u}alpha'",
    "'name' = '{u}alpha'",
    "attribute.name = '{u}alpha'",
    "attributes.name = '{u}alpha'",
    "attr.name = '{u}alpha'",
    "ATTRIBUTE.name = '{u}alpha'",
    "attribute.`name` = '{u}alpha'",
    "attribute . name = '{u}alpha'",
    "model.name = '{u}alpha'",
    "name != '{u}alpha' AND " + OURS,
    "name <> '{u}alpha' AND " + OURS,
    OURS,
    "name LIKE '{u}be_ta'",
    "name LIKE '{u}be%'",
    "name LIKE '{u}Be%'",
    "name ILIKE '{u}be%'",
    "name ILIKE '{u}BE_TA'",
    "name like '{u}be%'",
    "name ilike '{u}be%'",
    "name Like '{u}be%'",
    "name LIKE '{u}be\\_ta'",
    "name LIKE '{u}be\\%ta'",
    "name LIKE '{u}%*%'",
    "name LIKE '{u}%[a]'",
    "name LIKE '{u}star?%'",
    "name ILIKE '{u}GRÖSSE'",
    "name ILIKE '{u}GRÖßE'",
    "name ILIKE '{u}größe'",
    "name LIKE '{u}back\\slash'",
    "name = '{u}back\\slash'",
    "name = '{u}back\\\\slash'",
    "name LIKE ''",
    "name = ''",
    "name LIKE '%'  AND name = '{u}zed'",
    "name LIKE '{u}it''s'",
    "name = '{u}it''s'",
    "name = '{u}it\\'s'",
    'name = "{u}it\'s"',
    'name LIKE "{u}it\'s"',
    "name NOT LIKE '{u}be%'",
    "NOT name LIKE '{u}be%'",
    "name > '{u}alpha'",
    "name < '{u}alpha'",
    "name >= '{u}alpha'",
    "name IN ('{u}alpha', '{u}Beta')",
    "name in ('{u}alpha','{u}zed')",
    "name IN ('{u}alpha')",
    "name IN ('{u}alpha',)",
    "name IN ()",
    "name IN ( )",
    "name IN '{u}alpha'",
    "name IN (\"{u}alpha\", '{u}zed')",
    "name IN ({u}alpha)",
    "name IN (1, 2)",
    "name IN ('{u}it''s', '{u}alpha')",
    "name IN ('{u}alpha', '{u}alpha')",
    "name NOT IN ('{u}alpha', '{u}zed') AND " + OURS,
    "name not in ('{u}alpha') AND " + OURS,
    "name NOT  IN ('{u}alpha') AND " + OURS,
    "name NOT IN () AND " + OURS,
    "name IN ('{u}alpha') AND name IN ('{u}zed')",
    "name IN ('{u}alpha', '{u}zed') AND name != '{u}zed'",
    "name BETWEEN '{u}a' AND '{u}b'",
    "name IS NULL",
    "name IS NOT NULL",
    "name REGEXP 'a'",
    "name GLOB 'a*'",
    "name RLIKE '.*' ",
    OURS + " AND tags.team = 'Red'",
    OURS + " AND tag.team = 'Red'",
    OURS + " AND tags.team='Red'",
    OURS + " AND TAGS.team = 'Red'",
    OURS + " AND Tag.team = 'Red'",
    OURS + " AND tags.Team = 'Red'",
    OURS + " AND tags.team = 'red'",
    OURS + " AND tags.team != 'Red'",
    OURS + " AND tags.team <> 'Red'",
    OURS + " AND tags.team LIKE 'R%'",
    OURS + " AND tags.team LIKE 'r%'",
    OURS + " AND tags.team ILIKE 'r%'",
    OURS + " AND tags.team LIKE '%'",
    OURS + " AND tags.team LIKE ''",
    OURS + " AND tags.team = ''",
    OURS + " AND tags.team != ''",
    OURS + " AND tags.team IN ('Red', 'blue')",
    OURS + " AND tags.team NOT IN ('Red')",
    OURS + " AND tags.team > 'R'",
    OURS + " AND tags.team IS NULL",
    OURS + " AND tags.`team` = 'Red'",
    OURS + " AND tags.\"team\" = 'Red'",
    OURS + " AND tags.'team' = 'Red'",
    OURS + " AND tags.[team] = 'Red'",
    OURS + " AND `tags`.team = 'Red'",
    OURS + " AND `tags.team` = 'Red'",
    OURS + " AND \"tags.team\" = 'Red'",
    OURS + " AND `tags`.`team` = 'Red'",
    OURS + " AND tags . team = 'Red'",
    OURS + " AND tags.a.b = '1'",
    OURS + " AND tags.`a.b` = '1'",
    OURS + " AND tags.\"a.b\" = '1'",
    OURS + " AND tags.`a`.`b` = '1'",
    OURS + " AND tags.`with space` = 'x'",
    OURS + " AND tags.\"with space\" = 'x'",
    OURS + " AND tags.with space = 'x'",
    OURS + " AND tags.`path/to` = 'p'",
    OURS + " AND tags.path/to = 'p'",
    OURS + " AND tags.größe = 'Ä'",
    OURS + " AND tags.`größe` = 'Ä'",
    OURS + " AND tags.`größe` ILIKE 'ä'",
    OURS + " AND tags.quote = 'it''s'",
    OURS + ' AND tags.quote = "it\'s"',
    OURS + " AND tags.double = 'say \"x\"'",
    OURS + " AND tags.back = 'a\\b'",
    OURS + " AND tags.n = '10'",
    OURS + " AND tags.n = 10",
    OURS + " AND tags.n = 10.0",
    OURS + " AND tags.n > '9'",
    OURS + " AND tags.n > 9",
    OURS + " AND tags.n = true",
    OURS + " AND tags.n = null",
    OURS + " AND tags.A = 'upper'",
    OURS + " AND tags.a = 'lower'",
    OURS + " AND tags.a = 'lower' AND tags.A = 'upper'",
    OURS + " AND tags.a = 'lower' AND tags.a = 'lower'",
    OURS + " AND tags.a = 'lower' AND tags.a = 'other'",
    OURS + " AND tags.a != 'x' AND tags.a != 'y'",
    OURS + " AND tags.a LIKE 'l%' AND tags.a LIKE '%r'",
    OURS + " AND tags.team = 'Red' AND tags.a.b = '1' AND tags.`with space` = 'x'",
    OURS + " AND tags.none = 'x'",
    OURS + " AND tags.none != 'x'",
    OURS + " AND tags. = 'x'",
    OURS + " AND tags = 'x'",
    OURS + " AND tags.`` = 'x'",
    OURS + " AND tags.mlflow.prompt.is_prompt = 'true'",
    OURS + " AND tags.`mlflow.prompt.is_prompt` = 'true'",
    OURS + " AND tag.`mlflow.prompt.is_prompt` != 'true'",
    OURS + " AND tags.`mlflow.prompt.is_prompt` != 'true'",
    OURS + " AND tag.mlflow.prompt.is_prompt != 'true'",
    OURS + " AND tags.`mlflow.prompt.is_prompt` != 'True'",
    OURS + " AND tags.`mlflow.prompt.is_prompt` != 'false'",
    OURS + " AND tags.`mlflow.prompt.is_prompt` = 'false'",
    OURS + " AND tags.`mlflow.prompt.is_prompt` = 'True'",
    OURS + " AND tags.`mlflow.prompt.is_prompt` LIKE 't%'",
    OURS + " AND tags.`mlflow.prompt.is_prompt` ILIKE 't%'",
    "tags.`mlflow.prompt.is_prompt` != 'true' AND " + OURS + " AND tags.team = 'Red'",
    "tags.`mlflow.prompt.is_prompt` = 'true' AND " + OURS + " AND name != '{u}x'",
    *TWO_CLAUSES_ON_PROMPTS,
    OURS + " and tags.team = 'Red'",
    OURS + " And tags.team = 'Red'",
    OURS + " AND AND tags.team = 'Red'",
    OURS + " AND",
    "AND " + OURS,
    OURS + " OR name = 'x'",
    OURS + " or name = 'x'",
    OURS + ", name = 'x'",
    OURS + " name = 'x'",
    OURS + ";",
    OURS + "; DROP TABLE registered_models",
    OURS + " -- comment",
    OURS + " /* comment */",
    OURS + " AND name = 'x' AND name = 'y' AND name = 'z'",
    "(" + OURS + ")",
    "(" + OURS + " AND tags.team = 'Red')",
    OURS + " AND (tags.team = 'Red')",
    "NOT " + OURS,
    "name",
    "name =",
    "= 'x'",
    "'x' = name",
    "name 'x'",
    "name = 'x",
    "name = x'",
    'name = "x',
    "name = ''x''",
    "name = 'a' 'b'",
    "name = 'x' AND name",
    "name = 1",
    "name = 1.5",
    "name = null",
    "name = NULL",
    "name = true",
    "name = name",
    "name LIKE 1",
    "name = 'x' = 'y'",
    "name === 'x'",
    "name ! = 'x'",
    "name =! 'x'",
    "name ~ 'x'",
    "description = 'words'",
    "description LIKE '%'",
    "creation_timestamp > 0",
    "last_updated_timestamp > 0",
    "timestamp > 0",
    "user_id = ''",
    "version = '1'",
    "version_number = 1",
    "run_id = 'x'",
    "source_path = 'x'",
    "aliases = 'best'",
    "stage = 'None'",
    "metrics.a > 1",
    "params.a = 'x'",
    "run.name = 'x'",
    "a.b.c = 'x'",
    "unknown = 'x'",
    "1 = 1",
    "'a' = 'a'",
    "*",
    "%",
    "'",
    '"',
    "`",
    "()",
    "\0",
    "   ",
    "SELECT * FROM registered_models",
    "name = 'x' LIMIT 1",
    "name = 'x' ORDER BY name",
    "name = '" + "x" * 3000 + "'",
]


@pytest.mark.parametrize("text", MODEL_FILTERS, ids=lambda text: f"{text!r:.70}")
def test_filters_of_models(shop: Twin, text: str) -> None:
    text = text.replace("{u}", shop.unique)
    shop.get("registered-models/search", filter=text, max_results=50)


VERSION_FILTERS = [
    "name = '{u}zed'",
    "name='{u}zed'",
    "name != '{u}zed' AND " + OURS,
    OURS,
    "name LIKE '{u}be_ta'",
    "name ILIKE '{u}BE%'",
    "name IN ('{u}zed', '{u}alpha')",
    "name NOT IN ('{u}zed') AND " + OURS,
    "name IN ()",
    "name > 'a'",
    "attribute.name = '{u}zed'",
    "attributes.name = '{u}zed'",
    OURS + " AND run_id = 'run-1'",
    OURS + " AND run_id='run-1'",
    OURS + " AND attribute.run_id = 'run-1'",
    OURS + ' AND run_id = "run-1"',
    OURS + " AND run_id = run-1",
    OURS + " AND run_id != 'run-1'",
    OURS + " AND run_id = ''",
    OURS + " AND run_id != ''",
    OURS + " AND run_id IN ('run-1', 'run-2')",
    OURS + " AND run_id IN ('run-1')",
    OURS + " AND run_id in ('run-1','x')",
    OURS + " AND run_id IN ('')",
    OURS + " AND run_id IN ()",
    OURS + " AND run_id IN ('run-1',)",
    OURS + " AND run_id IN (run-1)",
    OURS + " AND run_id IN (1)",
    OURS + " AND run_id IN 'run-1'",
    OURS + " AND run_id NOT IN ('run-1')",
    OURS + " AND run_id NOT IN ('run-1', 'run-2')",
    OURS + " AND run_id LIKE 'run%'",
    OURS + " AND run_id ILIKE 'RUN%'",
    OURS + " AND run_id > 'a'",
    "run_id IN ('{u}none')",
    OURS + " AND source_path = 's3://bucket/same'",
    OURS + " AND source_path != 's3://bucket/same'",
    OURS + " AND source_path LIKE 's3://bucket/a%'",
    OURS + " AND source_path LIKE 'S3://bucket/a%'",
    OURS + " AND source_path ILIKE 'S3://BUCKET/A%'",
    OURS + " AND source_path IN ('s3://bucket/same')",
    OURS + " AND source_path > 'a'",
    OURS + " AND source = 's3://bucket/same'",
    OURS + " AND version_number = 1",
    OURS + " AND version_number=1",
    OURS + " AND version_number != 1",
    OURS + " AND version_number <> 1",
    OURS + " AND version_number > 1",
    OURS + " AND version_number >= 2",
    OURS + " AND version_number < 2",
    OURS + " AND version_number <= 2",
    OURS + " AND version_number > 1 AND version_number < 3",
    OURS + " AND version_number = '1'",
    OURS + " AND version_number = 1.0",
    OURS + " AND version_number = 1.5",
    OURS + " AND version_number = -1",
    OURS + " AND version_number = +1",
    OURS + " AND version_number = 01",
    OURS + " AND version_number = 0",
    OURS + " AND version_number = 1e0",
    OURS + " AND version_number = 0x1",
    OURS + " AND version_number = abc",
    OURS + " AND version_number = true",
    OURS + " AND version_number = null",
    OURS + " AND version_number LIKE '1'",
    OURS + " AND version_number IN (1, 2)",
    OURS + " AND version_number IN ('1')",
    OURS + " AND version_number = 99999999999999999999",
    OURS + " AND version_number < 99999999999999999999",
    OURS + " AND attribute.version_number = 1",
    OURS + " AND version = 1",
    OURS + " AND version = '1'",
    OURS + " AND tags.number = '1'",
    OURS + " AND tag.number = '1'",
    OURS + " AND tags.number != '1'",
    OURS + " AND tags.number = 1",
    OURS + " AND tags.number LIKE '%'",
    OURS + " AND tags.number ILIKE '%'",
    OURS + " AND tags.number > '1'",
    OURS + " AND tags.number IN ('1')",
    OURS + " AND tags.team = 'Red'",
    OURS + " AND tags.team = 'Red' AND tags.number = '1'",
    OURS + " AND tags.team = 'Red' AND tags.number = '2'",
    OURS + " AND tags.`a.b` = '1'",
    OURS + " AND tags.a.b = '1'",
    OURS + " AND tags.\"a.b\" = '1'",
    OURS + " AND tags.none != 'x'",
    OURS + " AND tags.`mlflow.prompt.is_prompt` != 'true'",
    OURS + " AND tags.`mlflow.prompt.is_prompt` = 'true'",
    OURS + " AND tag.`mlflow.prompt.is_prompt` != 'false'",
    *TWO_CLAUSES_ON_PROMPTS,
    OURS + " AND creation_timestamp > 0",
    OURS + " AND last_updated_timestamp > 0",
    OURS + " AND current_stage = 'Staging'",
    OURS + " AND stage = 'Staging'",
    OURS + " AND status = 'READY'",
    OURS + " AND aliases = 'best'",
    OURS + " AND alias = 'best'",
    OURS + " AND description = 'x'",
    OURS + " AND user_id = ''",
    OURS + " AND model_id = ''",
    OURS + " AND run_link = ''",
    OURS + " OR name = 'x'",
    OURS + " AND",
    "NOT name = 'x'",
    "name",
    "name =",
    "name = 'x",
    "unknown = 'x'",
    "   ",
    "run_id IN ('a') AND name = '{u}zed'",
    OURS + " AND source_path = 's3://bucket/it''s/1'",
    OURS + ' AND source_path = "s3://bucket/it\'s/1"',
]


@pytest.mark.parametrize("text", VERSION_FILTERS, ids=lambda text: f"{text!r:.70}")
def test_filters_of_versions(shop: Twin, text: str) -> None:
    text = text.replace("{u}", shop.unique)
    shop.get("model-versions/search", filter=text, max_results=100)


ORDERS = [
    [],
    ["name"],
    ["name ASC"],
    ["name DESC"],
    ["name asc"],
    ["name desc"],
    ["name  DESC"],
    [" name DESC "],
    ["NAME"],
    ["`name` DESC"],
    ['"name" DESC'],
    ["'name' DESC"],
    ["attribute.name DESC"],
    ["attributes.name DESC"],
    ["timestamp"],
    ["timestamp DESC"],
    ["last_updated_timestamp"],
    ["last_updated_timestamp DESC"],
    ["creation_timestamp"],
    ["creation_timestamp DESC"],
    ["attribute.creation_timestamp DESC"],
    ["version_number"],
    ["version_number DESC"],
    ["version"],
    ["run_id"],
    ["source_path"],
    ["description"],
    ["tags.team"],
    ["tag.team DESC"],
    ["metrics.a"],
    ["name", "name"],
    ["name", "name DESC"],
    ["name DESC", "last_updated_timestamp"],
    ["last_updated_timestamp", "name DESC"],
    ["version_number DESC", "name ASC"],
    ["name ASC", "version_number ASC"],
    ["timestamp", "last_updated_timestamp"],
    ["name,version_number"],
    ["name, version_number DESC"],
    ["name UP"],
    ["name ASC ASC"],
    ["name ASC DESC"],
    ["name NULLS FIRST"],
    ["ASC"],
    ["DESC"],
    ["1"],
    ["-name"],
    ["name;"],
    ["unknown"],
    [""],
    [" "],
    ["name", ""],
    ["name'"],
    ["'"],
    ["random()"],
    ["lower(name)"],
    ["name COLLATE NOCASE"],
]


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_orders(shop: Twin, order: list[str]) -> None:
    for kind in ("registered-models", "model-versions"):
        ours = f"name LIKE '{shop.unique}%'"
        shop.get(f"{kind}/search", filter=ours, order_by=order)


@pytest.mark.parametrize(
    "order",
    [
        [],
        ["name"],
        ["name DESC"],
        ["last_updated_timestamp DESC"],
        ["creation_timestamp", "name DESC"],
        ["version_number"],
        ["version_number DESC", "name"],
        ["timestamp DESC"],
    ],
    ids=str,
)
@pytest.mark.parametrize("size", [1, 3, 4, 9, 12, 27])
def test_walking_through_pages(shop: Twin, order: list[str], size: int) -> None:
    for kind in ("registered-models", "model-versions"):
        ours = f"name LIKE '{shop.unique}%' AND name NOT IN ('{shop.unique}zed')"
        if kind == "model-versions" and size == 1:
            ours += f" AND name IN ('{shop.unique}alpha', '{shop.unique}Beta')"
        token: object = None
        for _ in range(40):
            more = {"page_token": token} if token else {}
            answer = shop.get(
                f"{kind}/search", filter=ours, order_by=order, max_results=size, **more
            )
            token = answer.pick("next_page_token")
            if not token.theirs or not token.ours:
                break
        else:
            raise AssertionError("the pages have no end")


SIZES: list[Any] = [
    *(
        0,
        1,
        2,
        -1,
        -(2**31),
        100,
        1000,
        1001,
        10_000,
        10_001,
        200_000,
        200_001,
        2**31,
        2**63,
        2**64,
    ),
    *("", " ", "abc", "1.0", "1.5", "1e1", "01", "+1", " 1 ", "0x1", "true", "1_0", "١"),
    *([1, 2], ["1", "abc"], None),
]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_page_sizes(shop: Twin, size: Any) -> None:
    for kind in ("registered-models", "model-versions"):
        shop.get(f"{kind}/search", filter=f"name = '{shop.unique}zed'", max_results=size)


TOKENS = [
    "",
    " ",
    "abc",
    "0",
    "MQ==",
    "eyJvZmZzZXQiOiAxfQ==",
    "eyJvZmZzZXQiOiAtMX0=",
    "e30=",
    "bnVsbA==",
    "W10=",
    "%00",
    "größe",
    "a" * 5000,
    "'; DROP TABLE x; --",
    "!!!!",
    "=",
]


@pytest.mark.parametrize("token", TOKENS, ids=lambda text: f"{text!r:.40}")
def test_page_tokens_that_nobody_gave(shop: Twin, token: str) -> None:
    for kind in ("registered-models", "model-versions"):
        ours = f"name LIKE '{shop.unique}%'"
        shop.get(f"{kind}/search", filter=ours, page_token=token, max_results=2)


def test_page_tokens_of_another_search(shop: Twin) -> None:
    ours = f"name LIKE '{shop.unique}%'"
    for kind in ("registered-models", "model-versions"):
        first = shop.get(f"{kind}/search", filter=ours, max_results=2, order_by=["name"]).ok()
        token = first.pick("next_page_token")
        shop.get(f"{kind}/search", filter=ours, page_token=token, max_results=3, order_by=["name"])
        shop.get(f"{kind}/search", filter=ours, page_token=token, max_results=2)
        shop.get(
            f"{kind}/search", filter=ours, page_token=token, max_results=2, order_by=["name DESC"]
        )
        other = f"{ours} AND name != '{shop.unique}zed'"
        shop.get(f"{kind}/search", filter=other, page_token=token, max_results=2, order_by=["name"])
    models = shop.get("registered-models/search", filter=ours, max_results=2).ok()
    shop.get("model-versions/search", filter=ours, page_token=models.pick("next_page_token"))


def test_pages_while_things_change(twin: Twin) -> None:
    names = [twin.name(f"{number:02}") for number in range(8)]
    for name in names:
        twin.post("registered-models/create", name=name).ok()
    ours = f"name LIKE '{twin.unique}%'"
    first = twin.get("registered-models/search", filter=ours, max_results=3).ok()
    assert [model["name"] for model in first.theirs.body["registered_models"]] == names[:3]
    for name in names[6:]:
        twin.delete("registered-models/delete", name=name).ok()
    twin.post("registered-models/create", name=twin.name("99")).ok()
    token = first.pick("next_page_token")
    twin.get("registered-models/search", filter=ours, max_results=3, page_token=token)


def test_a_search_without_a_filter_answers(twin: Twin) -> None:
    for kind in ("registered-models", "model-versions"):
        assert twin_status(twin, f"{kind}/search") == [200, 200]
        assert twin_status(twin, f"{kind}/search", filter="") == [200, 200]
        assert twin_status(twin, f"{kind}/search", order_by=[]) == [200, 200]


def twin_status(twin: Twin, path: str, **fields: Any) -> list[int]:
    """Return both statuses of a search over everything, whose results belong to other tests."""
    answer = twin.get(path, max_results=1, **fields)
    twin.differences.clear()
    return [answer.theirs.status, answer.ours.status]


def test_what_search_shows_of_a_version(twin: Twin) -> None:
    name = twin.name()
    twin.post("registered-models/create", name=name).ok()
    twin.post("model-versions/create", name=name, source="s3://bucket/a").ok()
    twin.post("registered-models/alias", name=name, alias="best", version="1").ok()
    twin.get("model-versions/search", filter=f"name = '{name}'")
    twin.get("registered-models/search", filter=f"name = '{name}'")
    twin.post("model-versions/search", filter=f"name = '{name}'")
    twin.post("registered-models/search", filter=f"name = '{name}'")


def test_order_of_what_was_made_at_one_time(twin: Twin) -> None:
    """Twenty models made at once: ties of time are broken by name and number."""
    names = [twin.name(stem) for stem in "cabCAB12_é"]
    twin.together([("POST", "registered-models/create", {"name": name}) for name in names])
    for name in names[:3]:
        for _ in range(2):
            twin.post("model-versions/create", name=name, source="s3://bucket/a").ok()
    twin.post("registered-models/rename", name=names[0], new_name=twin.name("z")).ok()
    ours = f"name LIKE '{twin.unique}%'"
    twin.get("registered-models/search", filter=ours)
    twin.get("model-versions/search", filter=ours)
    for order in (["version_number"], ["last_updated_timestamp DESC"], ["creation_timestamp"]):
        twin.get("model-versions/search", filter=ours, order_by=order)
