"""The classic client against a real server."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import httpx
import numpy as np
import pytest

import muniment
from muniment.client import ModelRegistryClient, classic
from muniment.errors import (
    AlreadyExists,
    Corrupt,
    InvalidFilter,
    InvalidInput,
    LimitExceeded,
    NotFound,
    Unreachable,
)
from muniment.schemas import ModelMetadata
from tests.client.servers import Answer, Request, Server, scripted

CONTENT = pickle.dumps({"weights": [1.0, 2.0]})


@pytest.fixture
def client(server: Server) -> Iterator[ModelRegistryClient]:
    with ModelRegistryClient(server.url) as connected:
        yield connected


def about(name: str, **fields: Any) -> ModelMetadata:
    given: dict[str, Any] = {
        "id": "model123",
        "name": name,
        "version": "1.0.0",
        "file_extension": "pkl",
        "storage_group": "ml-models",
    }
    return ModelMetadata(**(given | fields))


def upload(client: ModelRegistryClient, name: str, **fields: Any) -> str:
    return client.upload_model(io.BytesIO(CONTENT), about(name, **fields)).metadata_id


def test_what_goes_up_comes_down(client: ModelRegistryClient, name: str) -> None:
    metadata = about(
        name,
        description="Example model",
        framework="scikit-learn",
        metrics={"accuracy": 0.95},
        parameters={"n_estimators": 100},
        tags={"type": "classification"},
    )

    response = client.upload_model(io.BytesIO(CONTENT), metadata)
    found = client.get_metadata(response.metadata_id)
    buffer, also = client.get_model(
        file_path=found["storage_path"],
        metadata_id=found["_id"],
        bucket_name=found["storage_group"],
    )

    assert response.message
    assert found["_id"] == response.metadata_id
    assert found["storage_path"] == response.storage_path == f"{name}/1.0.0/model123.pkl"
    assert metadata.model_dump().items() <= found.items()
    assert (found["size"], found["version_number"]) == (len(CONTENT), 1)
    assert found["created_at"]
    assert also == found
    assert pickle.load(buffer) == pickle.loads(CONTENT)
    assert buffer.seek(0) == 0


@pytest.mark.parametrize(
    "value",
    [
        None,
        [1, "a", None],
        {"nested": {"deep": [True]}},
        [],
        {},
        True,
        1,
        1.5,
        "text",
        "",
        2**70,
        "nul\0",
        float("inf"),
    ],
)
def test_values_of_any_kind_come_back_unchanged(
    client: ModelRegistryClient, name: str, value: object
) -> None:
    given = {"value": value, "an odd key @#": value, "plain": 1}
    uploaded = upload(
        client, name, parameters=given, tags=given, metrics={"odd": value, "auc": 0.5}
    )

    found = client.get_metadata(uploaded)

    assert found["parameters"] == found["tags"] == given
    assert found["metrics"] == {"odd": value, "auc": 0.5}
    assert type(found["parameters"]["value"]) is type(value)


def test_numbers_of_numpy_go_up_as_plain_ones(client: ModelRegistryClient, name: str) -> None:
    numbers = {"depth": np.int64(3), "rate": np.float32(0.5), "flag": np.bool_(True)}

    found = client.get_metadata(
        upload(client, name, parameters=numbers, metrics=numbers, tags=numbers)
    )

    assert found["parameters"] == found["metrics"] == found["tags"]
    assert found["tags"] == {"depth": 3, "rate": 0.5, "flag": True}


def test_bytes_are_uploaded_and_text_is_refused(client: ModelRegistryClient, name: str) -> None:
    uploaded = client.upload_model(CONTENT, about(name))

    assert client.get_metadata(uploaded.metadata_id)["size"] == len(CONTENT)
    for wrong in (io.StringIO("text"), {"weights": 1}):
        with pytest.raises(InvalidInput, match="no bytes"):
            client.upload_model(cast(Any, wrong), about(f"{name}-2"))


def test_not_a_number_comes_back_as_such(client: ModelRegistryClient, name: str) -> None:
    found = client.get_metadata(upload(client, name, parameters={"missing": float("nan")}))
    assert str(found["parameters"]["missing"]) == "nan"


def test_it_is_a_version_like_any_other(
    client: ModelRegistryClient, server: Server, name: str
) -> None:
    uploaded = upload(
        client, name, metrics={"auc": 0.9}, parameters={"n": 3}, tags={"team": "risk"}
    )

    with muniment.connect(server.url) as registry:
        version = registry.version(f"{name}/1.0.0")

    assert (version.version, version.label) == (1, "1.0.0")
    assert (version.metrics, version.params) == ({"auc": 0.9}, {"n": 3})
    assert version.tags["team"] == "risk"
    assert client.get_metadata(uploaded)["tags"] == {"team": "risk"}


def test_one_model_has_many_versions(client: ModelRegistryClient, name: str) -> None:
    ids = [upload(client, name, version=f"1.{n}.0") for n in range(3)]
    assert [found["_id"] for found in client.list_models(name)] == ids[::-1]
    assert [found["version"] for found in client.list_models(name)] == ["1.2.0", "1.1.0", "1.0.0"]


def test_a_name_and_version_are_taken_once_and_for_ever(
    client: ModelRegistryClient, name: str
) -> None:
    uploaded = upload(client, name)
    with pytest.raises(AlreadyExists, match=r"1\.0\.0"):
        upload(client, name)
    with pytest.raises(AlreadyExists):  # told so although it is still sending
        client.upload_model(io.BytesIO(bytes(20_000_000)), about(name))
    assert [found["_id"] for found in client.list_models(name)] == [uploaded]


def test_of_many_uploads_at_once_one_wins(client: ModelRegistryClient, name: str) -> None:
    start = threading.Barrier(8)

    def attempt(_: int) -> str | None:
        start.wait()
        try:
            return upload(client, name)
        except AlreadyExists:
            return None

    with ThreadPoolExecutor(8) as pool:
        won = [made for made in pool.map(attempt, range(8)) if made]

    assert [found["_id"] for found in client.list_models(name)] == won
    assert len(won) == 1


def test_models_are_listed_and_searched(client: ModelRegistryClient, name: str) -> None:
    low = upload(client, name, metrics={"auc": 0.5}, framework="a", storage_group="it's")
    high = upload(client, name, version="2", metrics={"auc": 0.9}, framework="b")

    def ids(found: list[dict[str, Any]]) -> list[str]:
        return [each["_id"] for each in found]

    assert ids(client.list_models(name, framework="a")) == [low]
    assert ids(client.list_models(name, storage_group="it's")) == [low]
    assert ids(client.search_models(f"name = '{name}' AND metrics.auc > 0.7")) == [high]
    either = f"name = '{name}' AND (label = '2' OR metrics.auc < 0.7)"
    assert ids(client.search_models(either, order_by=["metrics.auc"])) == [low, high]
    assert client.list_models(name + "-x") == []
    with pytest.raises(InvalidFilter) as raised:
        client.search_models("metrics.auc >")
    assert raised.value.details["column"] == 14


def test_a_list_of_many_pages_is_one_list(
    client: ModelRegistryClient, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classic, "_PAGE", 2)
    ids = [upload(client, name, version=str(n)) for n in range(5)]
    assert [found["_id"] for found in client.list_models(name)] == ids[::-1]


def test_versions_pushed_in_other_ways_are_not_shown(
    client: ModelRegistryClient, server: Server, name: str
) -> None:
    with muniment.connect(server.url) as registry:
        version = registry.push(name, b"x", path="a")
    assert client.list_models(name) == []
    with pytest.raises(NotFound, match="classic"):
        client.get_metadata(version.uuid)


def test_a_deleted_model_is_gone_and_its_version_free(
    client: ModelRegistryClient, name: str
) -> None:
    uploaded = upload(client, name)
    assert client.delete_model(uploaded)["version"] == "1.0.0"
    for call in (client.get_metadata, client.delete_model):
        with pytest.raises(NotFound):
            call(uploaded)
    assert client.list_models(name) == []
    again = client.get_metadata(upload(client, name))
    assert (again["version"], again["version_number"]) == ("1.0.0", 2)


@pytest.mark.parametrize("unknown", ["metadata_id", "", "0" * 32, "../x", "a/b", "\0", "%2e%2e"])
def test_an_unknown_id_is_not_found(client: ModelRegistryClient, unknown: str) -> None:
    for call in (client.get_metadata, client.delete_model):
        with pytest.raises((NotFound, InvalidInput)):
            call(unknown)
    with pytest.raises((NotFound, InvalidInput)):
        client.get_model(file_path="a/1/b", metadata_id=unknown, bucket_name="c")


def test_path_id_and_group_must_belong_together(client: ModelRegistryClient, name: str) -> None:
    found = client.get_metadata(upload(client, name))
    other = client.get_metadata(upload(client, name, version="2"))
    right = (found["storage_path"], found["_id"], found["storage_group"])
    client.get_model(*right)
    for wrong in (
        (other["storage_path"], *right[1:]),
        (right[0], other["_id"], right[2]),
        (*right[:2], "another-bucket"),
        ("../../../etc/passwd", *right[1:]),
    ):
        with pytest.raises(InvalidInput, match="is"):
            client.get_model(*wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "a/b"},
        {"name": ".."},
        {"version": ""},
        {"version": "1 0"},
        {"version": "../1"},
        {"id": ""},
        {"id": "a/b"},
        {"id": "..", "file_extension": ""},
        {"id": "a\\b"},
        {"id": "a\0"},
        {"file_extension": "p/kl"},
        {"tags": {"classic.id": "x"}},
    ],
)
def test_names_that_no_file_may_have_are_refused(
    client: ModelRegistryClient, name: str, wrong: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput):
        client.upload_model(io.BytesIO(CONTENT), about(**({"name": name} | wrong)))
    assert client.list_models(name) == []


def test_more_than_a_version_can_hold_is_refused(client: ModelRegistryClient, name: str) -> None:
    with pytest.raises(LimitExceeded, match="as JSON"):
        upload(client, name, parameters={"matrix": [0.123456789] * 20_000})


@pytest.mark.parametrize("extension", ["pkl", ".pkl", "tar.gz", ""])
def test_an_extension_may_bring_its_dot(
    client: ModelRegistryClient, name: str, extension: str
) -> None:
    found = client.get_metadata(upload(client, name, file_extension=extension))
    bare = extension.removeprefix(".")
    assert found["file_extension"] == extension
    assert found["storage_path"] == f"{name}/1.0.0/model123" + (f".{bare}" if bare else "")
    client.get_model(found["storage_path"], found["_id"], found["storage_group"])


def test_a_buffer_at_its_end_is_refused(client: ModelRegistryClient, name: str) -> None:
    buffer = io.BytesIO()
    pickle.dump({}, buffer)
    with pytest.raises(InvalidInput, match="seek"):
        client.upload_model(buffer, about(name))
    assert client.upload_model(io.BytesIO(), about(name)).metadata_id  # empty, and meant so


def test_an_upload_begins_where_the_buffer_stands(client: ModelRegistryClient, name: str) -> None:
    buffer = io.BytesIO(b"skipped" + CONTENT)
    buffer.seek(7)
    uploaded = client.upload_model(buffer, about(name)).metadata_id
    assert client.get_metadata(uploaded)["size"] == len(CONTENT)


def test_a_pipe_can_be_uploaded(client: ModelRegistryClient, name: str) -> None:
    read, write = os.pipe()
    with os.fdopen(write, "wb") as sink:
        sink.write(CONTENT)
    with os.fdopen(read, "rb") as source:
        uploaded = client.upload_model(source, about(name)).metadata_id
    assert client.get_metadata(uploaded)["size"] == len(CONTENT)


def test_a_large_model_comes_in_a_file_that_vanishes(
    client: ModelRegistryClient, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classic, "IN_MEMORY", 1_000_000)
    path = tmp_path / "model.bin"
    path.write_bytes(os.urandom(3_000_000))
    with path.open("rb") as source:
        uploaded = client.upload_model(source, about(name)).metadata_id
    found = client.get_metadata(uploaded)

    buffer, _ = client.get_model(found["storage_path"], found["_id"], found["storage_group"])

    with buffer:
        assert not isinstance(buffer, io.BytesIO)
        assert buffer.tell() == 0
        assert hashlib.sha256(buffer.read()).digest() == hashlib.sha256(path.read_bytes()).digest()
        assert buffer.seek(-1, io.SEEK_END) == 2_999_999


def test_metadata_that_json_can_not_hold_is_refused(client: ModelRegistryClient, name: str) -> None:
    with pytest.raises(InvalidInput, match="JSON"):
        upload(client, name, parameters={"model": object()})


def test_other_bytes_than_were_uploaded_are_noticed() -> None:
    def changed(request: Request) -> Answer:
        if "metadata" in request.path.partition("?")[0]:
            return Answer.of({"_id": "0" * 32})
        return Answer(200, b"other bytes", {"ETag": f'"sha256:{"0" * 64}"'})

    with (
        scripted(changed) as (url, _),
        ModelRegistryClient(url) as client,
        pytest.raises(Corrupt, match="digest"),
    ):
        client.get_model("p", "0" * 32, "b")


def test_a_server_that_is_not_there_is_said_so() -> None:
    with ModelRegistryClient("http://127.0.0.1:9") as client, pytest.raises(Unreachable):
        client.get_metadata("0" * 32)
    with pytest.raises(InvalidInput):
        ModelRegistryClient("ftp://x")


# -- the form, for those who have only curl ------------------------------------------------------

METADATA = json.dumps(about("x").model_dump())


def post(server: Server, parts: Any) -> httpx.Response:
    with httpx.Client(trust_env=False) as client:
        return client.post(f"{server.url}/api/classic/upload", files=parts)


def test_the_parts_may_come_in_any_order(
    client: ModelRegistryClient, server: Server, name: str
) -> None:
    metadata = about(name).model_dump_json()
    answer = post(server, [("file", ("m.pkl", CONTENT)), ("metadata", (None, metadata))])
    assert answer.status_code == 201
    found = client.get_metadata(cast(str, answer.json()["metadata_id"]))
    assert found["size"] == len(CONTENT)


@pytest.mark.parametrize(
    "parts",
    [
        [("file", ("a", b"x"))],
        [("metadata", (None, METADATA))],
        [("metadata", (None, METADATA)), ("file", ("a", b"x")), ("file", ("b", b"x"))],
        [("metadata", (None, METADATA)), ("model", ("a", b"x"))],
        [("metadata", (None, "{")), ("file", ("a", b"x"))],
        [("metadata", (None, "{}")), ("file", ("a", b"x"))],
        [("metadata", (None, METADATA.replace("storage_group", "bucket"))), ("file", ("a", b""))],
    ],
)
def test_a_wrong_form_is_refused(server: Server, parts: Any) -> None:
    answer = post(server, parts)
    assert answer.status_code in (400, 413)
    assert answer.json()["detail"]


def test_a_tag_that_was_overwritten_does_no_harm(
    client: ModelRegistryClient, server: Server, name: str
) -> None:
    uploaded = upload(client, name, parameters={"list": [1], "n": 1})
    address = f"{server.url}/api/v1/models/{name}/versions/1"
    for text in ("{", "[1]", '{"parameters": 1}', '"\\ud800"', 7):
        httpx.patch(address, json={"tags": {"classic.extra": text}}, trust_env=False)
        assert client.get_metadata(uploaded)["parameters"] == {"n": 1}


def test_the_page_about_it_works_as_written(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "classic.md").read_text("utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    code = "\n".join(blocks).replace("http://localhost:8000", server.url)
    names: dict[str, Any] = {}

    exec(compile(code, "docs/classic.md", "exec"), names)  # noqa: S102
    names["client"].close()

    assert f"Model uploaded with ID: {names['response'].metadata_id}" in capsys.readouterr().out
    assert names["model"].predict([[5.1, 3.5, 1.4, 0.2]]) == [0]
