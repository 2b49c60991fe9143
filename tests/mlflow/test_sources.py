"""Where versions say they come from, and where they are fetched from, on both servers."""

from __future__ import annotations

import pytest

from tests.mlflow.twin import Twin

SOURCES = [
    "s3://bucket/a/b",
    "s3://bucket",
    "s3:///a",
    "s3:a",
    "S3://bucket/a",
    "s3://bucket/a b",
    "s3://bucket/größe",
    "s3://bucket/a?x=1#y",
    "s3://user:password@bucket/a",
    "s3://bucket/a/",
    "s3://bucket//a",
    " s3://bucket/a",
    "s3://bucket/a ",
    "s3://bucket/a\n",
    "s3://bucket/a\tb",
    "s3://bucket/a\\b",
    "s3://bucket\\..\\a",
    "gs://bucket/a",
    "wasbs://container@account/a",
    "wasb://container@account/a",
    "abfss://container@account/a",
    "abfs://container@account/a",
    "adl://x/a",
    "dbfs:/a",
    "dbfs://a/b",
    "dbfs:a",
    "hdfs://host/a",
    "hdfs:/a",
    "viewfs://host/a",
    "http://host/a",
    "https://host/a",
    "HTTPS://host/a",
    "http:/a",
    "http:a",
    "ftp://host/a",
    "sftp://host/a",
    "ssh://host/a",
    "scp://host/a",
    "git://host/a",
    "git+https://host/a",
    "webdav://host/a",
    "data:text/plain,a",
    "javascript:alert(1)",
    "mailto:a@b",
    "oci://host/a",
    "r2://bucket@account/a",
    "b2://bucket/a",
    "uc-volume:/a",
    "hf://a/b",
    "azureml://a/b",
    "whatever://a/b",
    "whatever:a",
    "x:/a",
    "c:/a",
    "C:\\a",
    "c:a",
    "a+b-c.1://x/y",
    "1a://x/y",
    "_a://x/y",
    "://a",
    ":a",
    "/",
    "//host/a",
    "///a",
    "/tmp/model",
    "/etc/passwd",
    "tmp/model",
    "model",
    "./model",
    "../model",
    "~/model",
    ".",
    "..",
    "\\\\host\\a",
    "file:///tmp/model",
    "file:/tmp/model",
    "file:tmp/model",
    "file://localhost/tmp/model",
    "file://host/tmp/model",
    "FILE:///tmp/model",
    "file:",
    "file://",
    "file:///",
    "dummy-source",
    "mlflow-artifacts:/a/b",
    "mlflow-artifacts:a",
    "mlflow-artifacts://host/a",
    "mlflow-artifacts://host:5000/a",
    "mlflow-artifacts:///a",
    "mlflow-artifacts:",
    "MLFLOW-ARTIFACTS:/a",
    "mlflow-artifacts:/../a",
    "mlflow-artifacts:/a/%2e%2e/b",
    "runs:/",
    "runs:",
    "runs://",
    "runs:a/b",
    "runs:/0123456789abcdef0123456789abcdef",
    "runs:/0123456789abcdef0123456789abcdef/",
    "runs:/0123456789abcdef0123456789abcdef/model",
    "runs:///0123456789abcdef0123456789abcdef/model",
    "runs://host/0123456789abcdef0123456789abcdef/model",
    "runs://profile@databricks/0123456789abcdef0123456789abcdef/model",
    "RUNS:/0123456789abcdef0123456789abcdef/model",
    "runs:/0123456789abcdef0123456789abcdef/../model",
    "models:/",
    "models:",
    "models://",
    "models:a",
    "models:/none",
    "models:/none/1",
    "models:/none/Production",
    "models:/none/latest",
    "models:/none@alias",
    "models:/none/1/2",
    "models:/none//1",
    "models:/none/",
    "models://host/none/1",
    "models:///none/1",
    "models:/m-0123456789abcdef0123456789abcdef",
    "models:/m-0123456789abcdef0123456789abcdef/",
    "models:/m-0123456789abcdef0123456789abcdef/a",
    "models:/m-1",
    "models:/@a",
    "models:/none@",
    "models:/none@a@b",
    "models:/none@a/b",
    "models:/../1",
    "models:/none/../1",
    "MODELS:/none/1",
    "Models:/none/1",
    "s3://bucket/../a",
    "s3://bucket/a/..",
    "s3://bucket/a/../b",
    "s3://bucket/./a",
    "s3://bucket/a/.",
    "s3://bucket/..a",
    "s3://bucket/a..",
    "s3://bucket/a..b/c",
    "s3://bucket/...",
    "s3://../a",
    "s3://./a",
    "s3://bucket/%2e%2e/a",
    "s3://bucket/%2E%2e/a",
    "s3://bucket/.%2e/a",
    "s3://bucket/%2e/a",
    "s3://bucket/%252e%252e/a",
    "s3://bucket/%25252e%25252e/a",
    "s3://bucket/a%2f..%2fb",
    "s3://bucket/a%5c..%5cb",
    "s3://bucket/a\\..\\b",
    "s3://bucket/a%00",
    "s3://bucket/a\0",
    "s3://bucket/a%2500",
    "s3://bucket/a%0a",
    "s3://bucket/a?x=..",
    "s3://bucket/a?x=../..",
    "s3://bucket/a?../b",
    "s3://bucket/a#../b",
    "s3://bucket/a;../b",
    "s3://bucket/a/..;/b",
    "s3://bucket/100%",
    "s3://bucket/%zz",
    "s3://bucket/" + "a" * 450,
    "s3://bucket/" + "a" * 488,
    "s3://bucket/" + "a" * 489,
    "s3://bucket/" + "a" * 5000,
    "whatever://a/../b",
    "whatever:../b",
    "dbfs:/../a",
    "gs://bucket/a/%2e%2e",
    "https://host/../a",
    "[s3://bucket",
    "s3://[bucket/a",
    "s3://[::1]/a",
    "s3://bucket:99999/a",
]


def model(twin: Twin, stem: str = "m") -> str:
    name = twin.name(stem)
    twin.post("registered-models/create", name=name).ok()
    return name


GIVEN: dict[str, dict[str, str]] = {
    "alone": {},
    "with a run": {"run_id": "0123456789abcdef0123456789abcdef"},
    "with a logged model": {"model_id": "m-0123456789abcdef0123456789abcdef"},
}
"""With what a source may come: nothing, or ids that belong to nothing here."""


@pytest.mark.parametrize("source", SOURCES, ids=lambda text: f"{text!r:.60}")
def test_sources(twin: Twin, source: str) -> None:
    name = model(twin)
    for given in GIVEN.values():
        answer = twin.post("model-versions/create", name=name, source=source, **given)
        if answer.status == 200:
            number = answer.pick("model_version", "version")
            twin.get("model-versions/get-download-uri", name=name, version=number)


def test_a_version_made_from_another_fetches_from_the_first(twin: Twin) -> None:
    origin, copy, third = model(twin, "origin"), model(twin, "copy"), model(twin, "third")
    twin.post("model-versions/create", name=origin, source="s3://bucket/a", run_id="r1").ok()
    twin.post("model-versions/create", name=origin, source="s3://bucket/b", run_id="r2").ok()
    twin.post("registered-models/alias", name=origin, alias="best", version="1").ok()
    twin.post("model-versions/transition-stage", name=origin, version="1", stage="Staging").ok()
    for end in (
        *("/1", "/2", "/01", "/ 1", "/3", "/0", "/-1", "/abc", "/latest", "/Latest"),
        *("/Staging", "/staging", "/STAGING", "/Production", "/None", "/none", "/Nowhere"),
        *("@best", "@Best", "@none", "@latest", "@v1", "@1", "/", "", "/1/a"),
    ):
        source = f"models:/{origin}{end}"
        twin.post("model-versions/create", name=copy, source=source)
        twin.post("model-versions/create", name=copy, source=source, run_id="mine")
    answer = twin.get("model-versions/search", filter=f"name='{copy}'").ok()
    for version in answer.theirs.body["model_versions"]:
        number = version["version"]
        twin.get("model-versions/get-download-uri", name=copy, version=number)
    twin.post("model-versions/create", name=third, source=f"models:/{copy}/1")
    twin.post("model-versions/create", name=third, source=f"models:/{third}/1")
    twin.post("model-versions/create", name=third, source=f"models:/{third}/latest")
    for number in "123":
        twin.get("model-versions/get-download-uri", name=third, version=number)
    twin.delete("registered-models/delete", name=origin).ok()
    for number in "12":
        twin.get("model-versions/get-download-uri", name=copy, version=number)
        twin.get("model-versions/get-download-uri", name=third, version=number)


@pytest.mark.parametrize(
    "stem", ["a b", "größe", "a@b", "a%20b", "a%2Fb", "a?b", "a#b", "m-1", "1", "a+b", "🚀"]
)
def test_a_version_made_from_a_model_with_an_odd_name(twin: Twin, stem: str) -> None:
    origin, copy = model(twin, stem), model(twin, "copy")
    twin.post("model-versions/create", name=origin, source="s3://bucket/a", run_id="r1").ok()
    twin.post("registered-models/alias", name=origin, alias="best", version="1").ok()
    for end in ("/1", "@best", "/latest", "/None"):
        twin.post("model-versions/create", name=copy, source=f"models:/{origin}{end}")
    for number in "1234":
        twin.get("model-versions/get-download-uri", name=copy, version=number)
