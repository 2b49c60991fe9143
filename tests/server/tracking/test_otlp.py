"""Spans by OpenTelemetry's protocol."""

from __future__ import annotations

import gzip
import zlib
from secrets import token_bytes

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from muniment.errors import InvalidInput, LimitExceeded
from muniment.server.tracking.otlp import unpacked

from .conftest import Tracked

SHORT = b"as it is"
HEADERS = {"Content-Type": "application/x-protobuf", "X-MLflow-Experiment-Id": "0"}


def spans() -> tuple[str, bytes]:
    """Return the id of a new trace of one span, and the request that exports it."""
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id, span.name = token_bytes(16), token_bytes(8), "predict"
    span.start_time_unix_nano, span.end_time_unix_nano = (
        1_700_000_000 * 10**9,
        1_700_000_001 * 10**9,
    )
    return f"tr-{span.trace_id.hex()}", request.SerializeToString()


@pytest.mark.parametrize("packed", [False, True])
def test_spans_become_a_trace(tracker: httpx.Client, packed: bool) -> None:
    trace_id, body = spans()
    headers = HEADERS | ({"Content-Encoding": "gzip"} if packed else {})
    sent = tracker.post(
        "/v1/traces", content=gzip.compress(body, mtime=0) if packed else body, headers=headers
    )
    assert sent.status_code == 200, sent.text
    found = tracker.get(f"/api/3.0/mlflow/traces/{trace_id}")
    assert found.json()["trace"]["trace_info"]["trace_id"] == trace_id


def test_who_only_looks_sends_none(tracked: Tracked) -> None:
    with tracked.client("viewer") as client:
        assert client.post("/v1/traces", content=spans()[1], headers=HEADERS).status_code == 403


def test_what_is_no_span_is_refused(tracker: httpx.Client) -> None:
    assert tracker.post("/v1/traces", content=b"{}", headers=HEADERS).status_code == 400
    bomb = gzip.compress(bytes(64 * 1024 * 1024))
    headers = HEADERS | {"Content-Encoding": "gzip"}
    assert tracker.post("/v1/traces", content=bomb, headers=headers).status_code == 400


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (SHORT, "identity"),
        (gzip.compress(SHORT, mtime=0), "gzip"),
        (zlib.compress(SHORT), "deflate"),
    ],
)
def test_a_body_is_unpacked(body: bytes, encoding: str) -> None:
    assert unpacked(body, encoding, 8) == SHORT


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (b"x", "br"),
        (b"not packed", "gzip"),
        (b"", "gzip"),
        (gzip.compress(b"as it is", mtime=0)[:-9], "gzip"),
    ],
)
def test_a_body_that_is_not_what_it_says_is_refused(body: bytes, encoding: str) -> None:
    with pytest.raises(InvalidInput):
        unpacked(body, encoding, 1_000)


def test_a_body_is_unpacked_no_further_than_the_limit() -> None:
    with pytest.raises(LimitExceeded):
        unpacked(gzip.compress(bytes(9)), "gzip", 8)
