"""Data loading: from paths, over HTTP and out of S3, byte for byte."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from muniment.pipelines.scripts import data_loading
from tests.client.servers import Answer, Request, scripted
from tests.pipelines.aws import Aws
from tests.pipelines.scripts.running import Container

TABLE = b"amount,is_fraud\n1.0,0\n2.0,1\n"
DIGEST = f"sha256:{hashlib.sha256(TABLE).hexdigest()}"


def told(container: Container) -> dict[str, object]:
    file = container.opt_ml / "processing/output/metadata/metadata.json"
    found: dict[str, object] = json.loads(file.read_text())
    return found


def loaded(container: Container) -> dict[str, bytes]:
    folder = container.opt_ml / "processing/output/data"
    return {file.name: file.read_bytes() for file in folder.iterdir()} if folder.exists() else {}


@pytest.mark.parametrize("as_url", [False, True])
def test_a_path(as_url: bool, container: Container, tmp_path: Path) -> None:
    table = tmp_path / "the table.csv"
    table.write_bytes(TABLE)
    done = container.run("data_loading.py", "--source", table.as_uri() if as_url else str(table))
    assert (done.returncode, done.stderr) == (0, "")
    assert loaded(container) == {"the table.csv": TABLE}
    found = told(container)
    assert (found["file"], found["size"], found["digest"]) == ("the table.csv", len(TABLE), DIGEST)


def test_http_without_what_may_be_secret(container: Container) -> None:
    with scripted(lambda _: Answer(body=TABLE)) as (url, seen):
        done = container.run("data_loading.py", "--source", f"{url}/d/fraud.csv?Signature=s3cret")
    assert (done.returncode, done.stderr) == (0, "")
    assert seen[0].path == "/d/fraud.csv?Signature=s3cret"
    assert loaded(container) == {"fraud.csv": TABLE}
    assert told(container)["source"] == f"{url}/d/fraud.csv"
    assert "s3cret" not in done.stdout


def test_a_transfer_that_breaks_off_leaves_nothing(container: Container) -> None:
    def script(_: Request) -> Answer:
        return Answer(body=iter([TABLE]), headers={"Content-Length": str(10**6)})

    with scripted(script) as (url, _):
        done = container.run("data_loading.py", "--source", f"{url}/fraud.csv")
    assert done.returncode == 1
    assert "broke off" in done.stderr
    assert loaded(container) == {}


def test_an_answer_that_is_none(container: Container) -> None:
    with scripted(lambda _: Answer(404)) as (url, _):
        done = container.run("data_loading.py", "--source", f"{url}/fraud.csv?token=s3cret")
    assert done.returncode == 1
    assert "404" in done.stderr
    assert "s3cret" not in done.stderr


def test_s3(aws: Aws, container: Container) -> None:
    client = aws.client("s3")
    client.create_bucket(Bucket="lake")
    client.put_object(Bucket="lake", Key="t/100%25.csv", Body=TABLE)
    done = container.run("data_loading.py", "--source", "s3://lake/t/100%25.csv", **aws.environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert loaded(container) == {"100%25.csv": TABLE}  # a key is taken as it is
    done = container.run("data_loading.py", "--source", "s3://lake/none.csv", **aws.environment)
    assert done.returncode == 1
    assert "s3://lake/none.csv can't be read" in done.stderr


def test_s3_where_it_is_a_folder(container: Container, tmp_path: Path) -> None:
    (tmp_path / "s3" / "lake").mkdir(parents=True)
    (tmp_path / "s3" / "lake" / "fraud.csv").write_bytes(TABLE)
    (tmp_path / "outside.csv").write_bytes(TABLE)
    here = {"MUNIMENT_S3_FOLDER": str(tmp_path / "s3")}
    assert (
        container.run("data_loading.py", "--source", "s3://lake/fraud.csv", **here).returncode == 0
    )
    for source in ("s3://lake/none.csv", "s3://lake/../../outside.csv"):
        done = container.run("data_loading.py", "--source", source, **here)
        assert done.returncode == 1
        assert "There is no object" in done.stderr


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("/no/such/file.csv", "There is no file '/no/such/file.csv'"),
        ("ftp://host/file.csv", "neither a path, nor"),
        ("http://127.0.0.1:1/folder/", "names no file"),
        ("http://127.0.0.1:1/%2e%2e", "names no file"),
        ("s3://bucket", "names no file"),
        ("http://127.0.0.1:1/file.csv", "can't be read"),
    ],
)
def test_sources_that_are_none(source: str, said: str, container: Container) -> None:
    done = container.run("data_loading.py", "--source", source)
    assert done.returncode == 1
    assert done.stderr.startswith("data_loading: ")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert loaded(container) == {}


def test_an_empty_file_is_no_data_set(tmp_path: Path) -> None:
    (tmp_path / "a.csv").touch()
    with pytest.raises(data_loading.Refused, match="is empty"):
        data_loading.load(str(tmp_path / "a.csv"), tmp_path / "data", tmp_path / "metadata")


def test_a_source_must_be_named(container: Container) -> None:
    done = container.run("data_loading.py")
    assert done.returncode == 2
    assert "--source" in done.stderr
