"""Model versions over HTTP."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from muniment.domain.manifest import FileEntry, Manifest
from tests.server.api.conftest import file_of, refusal, sha256


def test_a_version_with_files_is_ready_at_once(api: httpx.Client, model: str) -> None:
    file = file_of(api, "model.pkl", b"hello")
    signature = {
        "input": {"variables": [{"name": "x", "type": "NUMERIC", "dtype": "f8", "shape": [-1, 3]}]},
        "output": {"variables": [{"name": "y", "type": "TEXT", "optional": True}]},
    }
    body = {
        "files": [file],
        "label": "1.0.0",
        "params": {"n": 100, "lr": 0.5, "verbose": False, "kind": "gbm"},
        "metrics": {"auc": 0.97, "whole": 1},
        "signature": signature,
    }

    created = api.post(f"/models/{model}/versions", json=body)

    assert created.status_code == 201
    assert created.headers["location"] == f"/api/v1/models/{model}/versions/1"
    version = created.json()
    assert (version["status"], version["version"], version["size"]) == ("READY", 1, 5)
    assert version["digest"] == Manifest.of([FileEntry("model.pkl", sha256(b"hello"), 5)]).digest
    assert (version["params"], version["signature"]) == (body["params"], signature)
    assert version["metrics"] == {"auc": 0.97, "whole": 1.0}
    again = api.get(f"/models/{model}/versions/1", headers={"If-None-Match": '"1"'})
    assert again.status_code == 304


def test_files_that_are_not_stored_are_listed(api: httpx.Client, model: str) -> None:
    file = {"path": "a", "sha256": "0" * 64, "size": 1}
    problem = refusal(
        api.post(f"/models/{model}/versions", json={"files": [file]}), 409, "missing_blobs"
    )
    assert problem["details"]["missing"] == ["0" * 64]
    refusal(api.get(f"/models/{model}/versions/1"), 404, "not_found")


def test_a_version_registers_its_model_only_if_asked(api: httpx.Client, name: str) -> None:
    body = {"source_uri": "s3://bucket/model"}
    refusal(api.post(f"/models/{name}/versions", json=body), 404, "not_found")
    created = api.post(f"/models/{name}/versions?create_model=true", json=body)
    assert (created.status_code, created.json()["digest"]) == (201, None)


def test_a_pending_version_is_sealed_once(api: httpx.Client, model: str) -> None:
    pending = api.post(f"/models/{model}/versions", json={"pending": True}).json()
    assert (pending["status"], pending["version"]) == ("PENDING", 1)
    files = {"files": [file_of(api, "a", b"a")]}
    address = f"/models/{model}/versions/1"

    stale = api.post(f"{address}/seal", json=files, headers={"If-Match": '"9"'})
    refusal(stale, 412, "precondition_failed")
    assert api.post(f"{address}/seal", json=files).json()["status"] == "READY"
    assert api.post(f"{address}/seal", json=files).status_code == 200
    others = {"files": [file_of(api, "a", b"b")]}
    refusal(api.post(f"{address}/seal", json=others), 409, "conflict")


def test_a_pending_version_can_fail(api: httpx.Client, model: str) -> None:
    api.post(f"/models/{model}/versions", json={"pending": True})
    failed = api.post(f"/models/{model}/versions/1/fail", json={"message": "out of memory"})
    assert (failed.json()["status"], failed.json()["status_message"]) == ("FAILED", "out of memory")
    refusal(api.post(f"/models/{model}/versions/1/fail", json={}), 409, "conflict")


def test_a_patch_merges_tags_params_and_metrics(api: httpx.Client, version: str) -> None:
    api.patch(version, json={"tags": {"a": 1}, "params": {"p": "x"}, "metrics": {"m": 1, "n": 2}})
    patch = {"tags": {"a": None, "b": True}, "metrics": {"m": None}, "label": "2", "run_id": "r"}

    changed = api.patch(version, json=patch, headers={"If-Match": '"2"'}).json()

    assert (changed["tags"], changed["params"]) == ({"b": True}, {"p": "x"})
    assert (changed["metrics"], changed["label"], changed["run_id"]) == ({"n": 2.0}, "2", "r")
    assert api.patch(version, json={"label": ""}).json()["label"] is None
    late = api.patch(version, json=patch, headers={"If-Match": '"2"'})
    refusal(late, 412, "precondition_failed")


def test_a_version_moves_between_stages(api: httpx.Client, model: str) -> None:
    for _ in range(2):
        api.post(f"/models/{model}/versions", json={"source_uri": "s3://x"})
    address = f"/models/{model}/versions"

    assert api.post(f"{address}/1/stage", json={"stage": "production"}).json()["stage"] == (
        "Production"
    )
    api.post(f"{address}/2/stage", json={"stage": "Production", "archive_existing": True})

    assert api.get(f"{address}/1").json()["stage"] == "Archived"
    found = api.get("/resolve", params={"ref": f"{model}/Production"})
    assert found.json()["version"] == 2
    refusal(api.post(f"{address}/1/stage", json={"stage": "Moon"}), 400, "invalid_input")


def test_a_deleted_version_can_be_restored(api: httpx.Client, version: str) -> None:
    assert api.delete(version).json()["deleted_at"]
    refusal(api.get(version), 404, "not_found")
    refusal(api.delete(version), 404, "not_found")
    assert api.post(f"{version}/restore").json()["deleted_at"] is None
    refusal(api.post(f"{version}/restore"), 409, "conflict")
    assert api.get(version).status_code == 200


def test_versions_are_searched_in_one_model_and_in_all(
    api: httpx.Client, model: str, name: str
) -> None:
    for auc in (0.5, 0.9, 0.7):
        body = {"source_uri": "s3://x", "metrics": {"auc": auc}}
        api.post(f"/models/{model}/versions", json=body)
    asked = {"filter": "metrics.auc >= 0.7", "order_by": "metrics.auc DESC"}

    found = api.get(f"/models/{model}/versions", params=asked).json()["items"]
    everywhere = {**asked, "filter": f"{asked['filter']} AND name = '{name}'"}
    also = api.get("/versions", params=everywhere).json()["items"]

    assert [v["version"] for v in found] == [v["version"] for v in also] == [2, 3]
    refusal(api.get(f"/models/{model}-x/versions"), 404, "not_found")


def test_several_order_keys_are_heard(api: httpx.Client, model: str) -> None:
    for _ in range(2):
        api.post(f"/models/{model}/versions", json={"source_uri": "s3://x"})
    keys = [("order_by", "stage"), ("order_by", "version DESC")]
    found = api.get(f"/models/{model}/versions", params=keys).json()["items"]
    assert [v["version"] for v in found] == [2, 1]


@pytest.mark.parametrize("ref", ["", "a/b/c", "a:b", "@", "a@sha256:0", "a\0", "/3", "\ud800"])
def test_what_is_no_reference_is_refused(api: httpx.Client, ref: str) -> None:
    query = httpx.QueryParams({"ref": ref.encode("utf-8", "surrogatepass")})
    answer = api.get("/resolve", params=query)
    assert answer.status_code in (400, 404)
    refusal(api.get("/resolve"), 400, "invalid_input")


def test_sixteen_threads_creating_versions_leave_no_gap(api: httpx.Client, model: str) -> None:
    start = threading.Barrier(16)

    def create(_: int) -> list[int]:
        start.wait()
        body = {"source_uri": "s3://x"}
        made = [api.post(f"/models/{model}/versions", json=body) for _ in range(4)]
        return [answer.json()["version"] for answer in made]

    with ThreadPoolExecutor(16) as pool:
        numbers = sorted(n for part in pool.map(create, range(16)) for n in part)

    assert numbers == list(range(1, 65))


def test_a_repeated_create_with_a_key_makes_one_version(api: httpx.Client, model: str) -> None:
    body, key = {"source_uri": "s3://x"}, {"Idempotency-Key": "k"}
    made = [api.post(f"/models/{model}/versions", json=body, headers=key) for _ in range(3)]
    assert {answer.json()["version"] for answer in made} == {1}
    other = api.post(f"/models/{model}/versions", json={"pending": True}, headers=key)
    refusal(other, 422, "idempotency_key_reused")


@pytest.mark.parametrize(
    "number", ["0", "-1", "01", "1.0", "abc", "+1", "1_0", "", "%20", "9" * 40]
)
def test_only_decimal_numbers_from_one_name_a_version(
    api: httpx.Client, model: str, number: str
) -> None:
    assert api.get(f"/models/{model}/versions/{number}").status_code in (400, 404)
    assert api.get(f"/models/{model}/versions/{number}/manifest").status_code in (400, 404)


def test_a_version_beyond_all_is_not_found(api: httpx.Client, model: str) -> None:
    refusal(api.get(f"/models/{model}/versions/{'9' * 18}"), 404, "not_found")


def test_if_match_holds_for_every_change_of_a_version(api: httpx.Client, model: str) -> None:
    api.post(f"/models/{model}/versions", json={"pending": True})
    api.post(f"/models/{model}/versions", json={"source_uri": "s3://x"})
    pending, ready = (f"/models/{model}/versions/{number}" for number in (1, 2))
    stale = {"If-Match": '"99"'}

    for address, body in (
        (f"{pending}/fail", {"message": "m"}),
        (f"{ready}/stage", {"stage": "Production"}),
    ):
        refusal(api.post(address, json=body, headers=stale), 412, "precondition_failed")
        held = {"If-Match": api.get(address.rpartition("/")[0]).headers["etag"]}
        assert api.post(address, json=body, headers=held).status_code == 200
    held = {"If-Match": api.delete(ready).headers["etag"]}
    refusal(api.post(f"{ready}/restore", headers=stale), 412, "precondition_failed")
    assert api.post(f"{ready}/restore", headers=held).status_code == 200


@pytest.mark.parametrize("path", ["/versions", "/models", "/models/{}/versions", "/models/{}"])
def test_an_unknown_query_parameter_is_refused(api: httpx.Client, model: str, path: str) -> None:
    problem = refusal(api.get(f"{path.format(model)}?bogus=1"), 400, "invalid_input")
    assert problem["details"] == {"field": "bogus"}
    assert "'bogus'" in problem["detail"]


def test_an_unknown_query_parameter_is_told_by_the_near_one(api: httpx.Client) -> None:
    problem = refusal(api.get("/versions?filtre=x"), 400, "invalid_input")
    assert problem["hint"] == "Did you mean 'filter'?"
