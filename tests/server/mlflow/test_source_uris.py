"""Which sources a version may have; what each was found to be at MLflow's server."""

from __future__ import annotations

import pytest

from muniment.errors import InvalidInput
from muniment.server.mlflow.source_uris import (
    ModelUri,
    check_plain,
    parse_model_uri,
    parse_run_uri,
    parse_source,
    split_source,
)

GOOD = [
    "s3://b/k", "gs://b/k", "wasbs://a@b/c", "dbfs:/x", "foo://x/y", "S3://b/K", "s3://b//k",
    "s3://b/k/", "s3://b/k?x=1", "s3://b/k#f", "s3://b/a b", "s3://b/a%20b", "s3:/b/k", "adl://x/y",
    "s3://b/a..b", "s3://b/...", "s3://b/k?x=../y", "s3://b/k%5c..%5cx", "s3://b/+..+/x", "c:/x",
    "mlflow-artifacts:/0/run/artifacts", "runs:/r/model", "models:/m-1",
]  # fmt: skip
TO_A_HOST = [
    "abfss://x@y/z", "r2://a@b/c", "b2://a@b/c", "viewfs://x/y", "hdfs://x/y", "hdfs:/x",
    "ftp://x/y", "FTP://x/y", "sftp://x/y", "http://x/y", "https://x/y", "HTTP://x", "http:/x",
    "mlflow-artifacts://host/x", "file://host/x", "file://127.0.0.2.example/x", "s3://[x",
]  # fmt: skip
NOT_PLAIN = [
    "s3://b/../k", "s3://b/./k", "s3://b/k/..", "s3://b/k/.", "s3://b/%2e%2e/k", "s3://../k",
    "s3://b/%252e%252e/k", "s3://b/%2e/k", "s3://b/..%2fk", "s3://b/k%00", "s3://b/k%2500",
    "s3://b/k/../", "s3:..", "s3://b/k#/../", "foo:./x", "foo:x", "foo:bar", "s3://b", "runs:",
    "runs:/", "runs:x", "mlflow-artifacts:", "C:\\x",
]  # fmt: skip


@pytest.mark.parametrize("text", GOOD)
def test_an_address_in_a_store_is_taken(text: str) -> None:
    uri = parse_source(text)
    assert not uri.is_local
    check_plain(uri)


@pytest.mark.parametrize("text", TO_A_HOST)
def test_an_address_that_leads_clients_to_any_host_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_source(text)


@pytest.mark.parametrize("text", NOT_PLAIN)
def test_an_address_that_reads_in_two_ways_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="absolute"):
        check_plain(parse_source(text))


@pytest.mark.parametrize("text", ["/x", "x", "./x", "..", "file:///x", "file:/x", "~/x", "//h/x"])
def test_a_path_is_local(text: str) -> None:
    assert parse_source(text).is_local
    assert parse_source("file://localhost/x").local_path == "/x"


@pytest.mark.parametrize(
    ("text", "root", "within"),
    [
        ("mlflow-artifacts:/0/r/artifacts/model", "mlflow-artifacts:/0/r/artifacts", True),
        ("mlflow-artifacts:/0/r/artifacts", "mlflow-artifacts:/0/r/artifacts", True),
        ("mlflow-artifacts:/0/r/artifacts/", "mlflow-artifacts:/0/r/artifacts", True),
        ("mlflow-artifacts:/0//r/artifacts//model", "mlflow-artifacts:/0/r/artifacts", True),
        ("MLFLOW-ARTIFACTS:/0/r/artifacts/m", "mlflow-artifacts:/0/r/artifacts", True),
        ("mlflow-artifacts:/0/r/%61rtifacts/m", "mlflow-artifacts:/0/r/artifacts", True),
        ("mlflow-artifacts:/0/r/artifactsx", "mlflow-artifacts:/0/r/artifacts", False),
        ("mlflow-artifacts:/0/r", "mlflow-artifacts:/0/r/artifacts", False),
        ("mlflow-artifacts:/0/r", "mlflow-artifacts:/", False),
        ("s3://b/r/m", "s3://b/r", True),
        ("s3://c/r/m", "s3://b/r", False),
        ("/srv/r/model", "/srv/r", True),
        ("file:///srv/r/model", "/srv/r", True),
        ("/srv/r/model", "file:///srv/r", True),
        ("/srv/r/../s", "/srv/r", False),
        ("/srv/rr", "/srv/r", False),
        ("srv/r/model", "/srv/r", False),
        ("/srv/r", "s3://b/srv/r", False),
        ("s3://b/srv/r", "/srv/r", False),
    ],
)
def test_a_source_lies_in_a_folder_or_not(text: str, root: str, within: bool) -> None:
    assert parse_source(text).within(root) is within


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("models:/m-1", ModelUri(model_id="m-1")),
        ("models:/fraud", ModelUri(model_id="fraud")),
        ("models:/fraud/3", ModelUri(name="fraud", number=3)),
        ("models:/fraud/03", ModelUri(name="fraud", number=3)),
        ("models:/fraud/3?x", ModelUri(name="fraud", number=3)),
        ("models:/fraud/latest", ModelUri(name="fraud")),
        ("models:/fraud/LATEST", ModelUri(name="fraud")),
        ("models:/fraud/Production", ModelUri(name="fraud", stage="Production")),
        ("models:/fraud/-1", ModelUri(name="fraud", stage="-1")),
        ("models:/fraud/" + "9" * 5_000, ModelUri(name="fraud", stage="9" * 5_000)),
        ("models:/fraud@champion", ModelUri(name="fraud", alias="champion")),
        ("models:/a@b@c", ModelUri(name="a@b", alias="c")),
        ("models:/a b/1", ModelUri(name="a b", number=1)),
    ],
)
def test_a_model_is_named(text: str, expected: ModelUri) -> None:
    assert parse_model_uri(parse_source(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "models:", "models:/", "models:x", "models:/ /1", "models:/fraud/", "models:/fraud/1/x",
        "models:/fraud@", "models://fraud/1", "models:/fraud//1", "models:/fraud/ ",
    ],
)  # fmt: skip
def test_what_names_no_model_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_model_uri(parse_source(text))


def test_a_run_is_named() -> None:
    assert parse_run_uri(split_source("runs:/r/model/a")) == ("r", "model/a")
    assert parse_run_uri(split_source("runs:/r")) == ("r", "")
    for text in ("runs:", "runs:/", "runs://r/model", "runs:r"):
        with pytest.raises(InvalidInput):
            parse_run_uri(split_source(text))
