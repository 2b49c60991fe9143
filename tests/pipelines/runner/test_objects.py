"""S3: a folder and an endpoint behave alike."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from muniment.errors import NotFound, Unavailable
from muniment.pipelines import InvalidPipeline
from muniment.pipelines.runner import FolderObjects, Objects, S3Objects
from muniment.pipelines.runner.objects import parse
from tests.pipelines.aws import Aws


@pytest.fixture(params=["folder", "endpoint"])
def objects(
    request: pytest.FixtureRequest, tmp_path: Path, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Objects]:
    if request.param == "folder":
        yield FolderObjects(tmp_path / "s3")
        return
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    found = S3Objects(aws.url)
    yield found
    found.close()


@pytest.fixture
def bucket(objects: Objects, aws: Aws) -> str:
    name = f"b-{uuid.uuid4().hex}"
    if isinstance(objects, S3Objects):
        aws.client("s3").create_bucket(Bucket=name)
    return name


def tree(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): file.read_text()
        for file in folder.rglob("*")
        if file.is_file()
    }


def test_a_folder_goes_and_comes_back(objects: Objects, bucket: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "sub").mkdir(parents=True)
    (source / "a b").write_text("1")
    (source / "sub" / "c").write_text("2")
    assert objects.store(source, f"s3://{bucket}/x/y/") == 2
    assert objects.fetch(f"s3://{bucket}/x/y", tmp_path / "t1") == 2
    assert tree(tmp_path / "t1") == {"a b": "1", "sub/c": "2"}
    assert objects.fetch(f"s3://{bucket}/x", tmp_path / "t2") == 2
    assert tree(tmp_path / "t2") == {"y/a b": "1", "y/sub/c": "2"}


def test_an_object_goes_and_comes_back(objects: Objects, bucket: str, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("1")
    assert objects.store(tmp_path / "f", f"s3://{bucket}/x/model.tar.gz") == 1
    assert objects.fetch(f"s3://{bucket}/x/model.tar.gz", tmp_path / "t") == 1
    assert tree(tmp_path / "t") == {"model.tar.gz": "1"}
    assert objects.exists(f"s3://{bucket}/x/model.tar.gz")
    assert objects.exists(f"s3://{bucket}/x")
    assert not objects.exists(f"s3://{bucket}/x/model")


def test_a_prefix_ends_at_a_slash(objects: Objects, bucket: str, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("1")
    objects.store(tmp_path / "f", f"s3://{bucket}/data-old/f")
    with pytest.raises(NotFound, match="There is nothing at"):
        objects.fetch(f"s3://{bucket}/data", tmp_path / "t")


def test_links_stay_behind(objects: Objects, bucket: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "secret").symlink_to("/etc/passwd")
    assert objects.store(source, f"s3://{bucket}/x") == 0


def test_an_endpoint_that_does_not_answer(
    tmp_path: Path, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    nobody = S3Objects("http://127.0.0.1:1")
    with pytest.raises(Unavailable, match="did not answer, for s3://b/x"):
        nobody.fetch("s3://b/x", tmp_path)
    nobody.close()


def test_keys_in_a_bucket_that_lead_out_are_refused(
    aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    client = aws.client("s3")
    client.create_bucket(Bucket="hostile")
    client.put_object(Bucket="hostile", Key="x/../../../evil", Body=b"1")
    objects = S3Objects(aws.url)
    with pytest.raises(InvalidPipeline, match="leads out of its bucket"):
        objects.fetch("s3://hostile/x", tmp_path / "deep" / "target")
    objects.close()
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("s3://b/k", ("b", "k")),
        ("s3://b/a//k/./", ("b", "a/k")),
        ("s3://b", ("b", "")),
        ("s3://b/a#b?c", ("b", "a#b?c")),
    ],
)
def test_places(uri: str, expected: tuple[str, str]) -> None:
    assert parse(uri) == expected


@pytest.mark.parametrize("uri", ["", "b/k", "http://b/k", "s3:///k", None, 3, {"Get": "x"}])
def test_what_is_no_place(uri: object) -> None:
    with pytest.raises(InvalidPipeline, match="must be like s3://bucket/key"):
        parse(uri)


@pytest.mark.parametrize(
    "uri", ["s3://b/../k", "s3://../k", "s3://b/a/..", "s3://b/a\\b", "s3://b/\0"]
)
def test_places_that_lead_out(uri: str) -> None:
    with pytest.raises(InvalidPipeline, match="leads out of its bucket"):
        parse(uri)
