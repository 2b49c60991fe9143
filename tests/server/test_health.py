from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import httpx
import pytest

from muniment._version import __version__
from muniment.errors import Unavailable
from muniment.server.app import create_app, open_ports
from muniment.server.mlflow.about import SPOKEN
from muniment.server.settings import Settings
from muniment.storage.checked import CheckedBlobStore
from tests.server.conftest import serving


def test_health_says_that_the_process_lives(client: httpx.Client) -> None:
    assert client.get("/health").json() == {"status": "ok"}
    assert client.head("/health").status_code == 200


def test_version_names_the_program_and_its_version(client: httpx.Client) -> None:
    answer = client.get("/version", headers={"Accept": "application/json"})
    assert answer.json() == {"name": "muniment", "version": __version__, "mlflow": SPOKEN}


def test_version_tells_clients_of_mlflow_theirs(client: httpx.Client) -> None:
    answer = client.get("/version", headers={"Accept": "*/*"})
    assert re.fullmatch(r"3\.\d+\.\d+", answer.text)


def test_ready_says_that_both_stores_answer(client: httpx.Client) -> None:
    assert client.get("/ready").json() == {"status": "ready", "metadata": "ok", "blobs": "ok"}


class GoneBlobs(CheckedBlobStore):
    """A store whose disk was pulled out."""

    def ping(self) -> NoReturn:
        raise Unavailable("The disk is gone.")


def test_ready_names_the_store_that_does_not_answer_and_the_log_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ports = open_ports(Settings(home=tmp_path))
    broken = replace(ports, blobs=GoneBlobs(ports.blobs))
    with serving(create_app(Settings(), broken)) as client:
        answer = client.get("/ready")
        assert client.get("/health").status_code == 200
    broken.close()
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.json()["details"] == {"down": ["blobs"]}
    assert "blobs" in answer.json()["detail"]
    assert "disk" not in answer.text  # nobody's business
    assert "The blobs store does not answer: The disk is gone." in caplog.text
    assert int(answer.headers["retry-after"]) > 0


def sample(text: str, name: str, **labels: str) -> float:
    """The value of one metric in Prometheus' text form."""
    for line in text.splitlines():
        match = re.fullmatch(rf"{name}(?:\{{(.*)\}})? (\S+)", line)
        if match and labels.items() <= dict(re.findall(r'(\w+)="([^"]*)"', match[1] or "")).items():
            return float(match[2])
    raise AssertionError(f"no {name} with {labels}")


def test_metrics_count_requests_by_route_method_and_status(client: httpx.Client) -> None:
    for name in ("a", "b", "c"):
        client.get(f"/api/v1/models/{name}")
    body = b'{"name": "fraud"}'
    client.post("/api/v1/models", content=body, headers={"Content-Type": "application/json"})
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    count = "muniment_http_request_duration_seconds_count"
    route = "/api/v1/models/{name}"
    assert sample(answer.text, count, method="GET", route=route, status="404") == 3
    posted = {"method": "POST", "route": "/api/v1/models", "status": "201"}
    assert sample(answer.text, count, **posted) == 1
    assert sample(answer.text, "muniment_http_received_bytes_total", **posted) == len(body)
    assert sample(answer.text, "muniment_http_sent_bytes_total", **posted) > 100
    bucket = "muniment_http_request_duration_seconds_bucket"
    assert sample(answer.text, bucket, **posted, le="+Inf") == 1
    assert sample(answer.text, "muniment_models") == 1
    assert sample(answer.text, "muniment_stored_blobs") == 0
    assert sample(answer.text, "process_resident_memory_bytes") > 0


def test_metrics_never_name_what_callers_make_up(client: httpx.Client) -> None:
    client.get("/made-up-path/1")
    client.request("MADEUP", "/api/v1/models")
    client.get("/health", headers={"Host": "made-up.example"})
    text = client.get("/metrics").text
    assert "made-up" not in text
    assert "MADEUP" not in text
    assert 'route="(none)"' in text


def test_metrics_can_be_off(tmp_path: Path) -> None:
    with serving(create_app(Settings(home=tmp_path, metrics=False))) as client:
        assert client.get("/metrics").status_code == 404


@pytest.mark.parametrize("path", ["/health", "/ready", "/version", "/metrics"])
def test_nothing_here_is_changed_by_a_write(client: httpx.Client, path: str) -> None:
    assert client.post(path).status_code == 405
