"""The server's side, asked over HTTP as MLflow's client asks it.

reached? ──> which server? ──> signed in? ──> registry, pages, artifacts, tracking
   no ──┐                         no ──┐
        └──────────────────────────────┴────> the rest is not asked
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from muniment.client.credentials import without_secrets
from muniment.ml.doctor.connection import NOBODY, Sign, client_for, sign_for
from muniment.ml.doctor.findings import Finding, fail, ok, warn

_API: Final = "/api/2.0/mlflow"
_FILES: Final = "/api/2.0/mlflow-artifacts"
_MISSING: Final = "muniment-doctor-asks-for-a-model-that-is-not-there"
_SKEW_S: Final = 60.0
_MLFLOW_VARIABLES: Final = (
    "MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
)


def examine(url: str, *, with_plugin: bool, read_only: bool) -> Iterator[Finding]:
    """Yield what is found at `url`, `http://host:8000`."""
    sign = sign_for(url, with_plugin=with_plugin)
    # what anybody may ask is asked by nobody: wrong credentials are counted against their owner
    with client_for(url, NOBODY) as anybody, client_for(url, sign) as client:
        try:
            began = time.time()
            health = anybody.get("/health")
            yield ok("reached", f"{without_secrets(url)} answers")
            yield from _clock(health, (began + time.time()) / 2)
            is_muniment, kind = _kind(anybody)
            yield kind
            if with_plugin and not is_muniment:
                yield fail(
                    "plugin's server",
                    "muniment+http(s):// needs a server of Muniment behind it.",
                    f"Use {without_secrets(url)} itself as MLFLOW_REGISTRY_URI.",
                )
            refused = _refused(client, sign, with_plugin=with_plugin)
            if refused is not None:
                yield refused
                return
            yield _signed_in(client, sign, is_muniment=is_muniment)
            yield _registry(client)
            yield _pages(client, url)
            yield from _artifacts(client, read_only=read_only)
            yield _tracking(client, is_muniment=is_muniment)
        except httpx.TransportError as error:
            yield fail(
                "reached",
                f"{without_secrets(url)} does not answer: {str(error) or type(error).__name__}.",
                "Start it with `muniment serve`, or check address, firewall and certificates.",
            )


def _clock(response: httpx.Response, now: float) -> Iterator[Finding]:
    try:
        there = parsedate_to_datetime(response.headers.get("Date", "")).timestamp()
    except ValueError:
        return  # it does not say
    skew = there - now
    if abs(skew) > _SKEW_S:
        ahead = "ahead of" if skew > 0 else "behind"
        yield warn(
            "clocks",
            f"The server's clock is {abs(skew):,.0f} s {ahead} this machine's.",
            "Set both by NTP: sign-ins expire, and webhooks are refused, by the clock.",
        )
    else:
        yield ok("clocks", "this machine's and the server's agree")


def _kind(client: httpx.Client) -> tuple[bool, Finding]:
    """Say whether it is Muniment (its own API then answers, or refuses in its own words)."""
    spoken, own = client.get("/version"), client.get("/api/v1/server")
    version = spoken.text.strip() if spoken.is_success else ""
    mlflow = f"MLflow {version}" if version[:1].isdigit() and len(version) < 20 else ""
    if own.is_success and "version" in _document(own):
        speaks = f", speaks the protocol of {mlflow}" if mlflow else ""
        return True, ok("server", f"Muniment {_document(own)['version']}{speaks}")
    if own.headers.get("Content-Type", "").startswith("application/problem+json"):
        return True, ok("server", "Muniment")
    if mlflow:
        return False, ok("server", f"an MLflow server, version {version}")
    return False, warn(
        "server",
        "It does not say what it is.",
        "If this is the right address, a proxy in between may hide /version.",
    )


def _refused(client: httpx.Client, sign: Sign, *, with_plugin: bool) -> Finding | None:
    """Ask the registry for the first time; return what stands in the way, if anything does."""
    answer = client.get(f"{_API}/registered-models/search", params={"max_results": 1})
    if answer.is_success and _is_json(answer):
        return None
    said = _said(answer)
    if answer.status_code == 401:
        first = "MUNIMENT_TOKEN, or " if with_plugin else ""
        if sign.credentials is None:
            return fail(
                "signed in",
                "The server wants to know who calls.",
                f"Set {first}{_MLFLOW_VARIABLES}; `muniment token create` makes a token.",
            )
        return fail(
            "signed in",
            f"The server refuses the credentials from {sign.source}: {said}",
            "Make another token with `muniment token create`, or check name and password.",
        )
    if answer.status_code == 403:
        return fail(
            "signed in",
            f"The server refuses this caller, or the name by which it is called: {said}",
            "Ask for a role that may read; if its name is refused, add it to "
            "MUNIMENT_ALLOWED_HOSTS (`mlflow server`: --allowed-hosts).",
        )
    if answer.status_code == 429:
        return fail(
            "signed in",
            f"The server has had enough for now: {said}",
            "Wait; sign-ins that fail are counted for a quarter of an hour.",
        )
    if answer.is_server_error:
        return fail(
            "registry",
            f"The server itself fails: {answer.status_code} {said}",
            "Look into its log; behind a proxy, see whether the server runs at all.",
        )
    if answer.is_redirect:
        return fail(
            "registry",
            f"Calls are sent on to {without_secrets(answer.headers.get('Location', '')):.200}.",
            "Use that address; if it is a sign-in page, let /api/ pass the proxy without it.",
        )
    return fail(
        "registry",
        f"This is no server of MLflow's protocol: {answer.status_code} {said}",
        "Check address and path, and whether a proxy passes /api/2.0/mlflow/ on.",
    )


def _signed_in(client: httpx.Client, sign: Sign, *, is_muniment: bool) -> Finding:
    if sign.credentials is None:
        return ok("signed in", "the server asks for no sign-in")
    me = _document(client.get("/api/v1/me")) if is_muniment else {}
    name = f" as {me['name']}" if me.get("name") else ""
    return ok("signed in", f"{sign.source} signs in{name}")


def _registry(client: httpx.Client) -> Finding:
    """Ask for versions, and for a model that is not there, which must be said in MLflow's words."""
    versions = client.get(f"{_API}/model-versions/search", params={"max_results": 1})
    missing = client.get(f"{_API}/registered-models/get", params={"name": _MISSING})
    code = _document(missing).get("error_code")
    if versions.is_success and code == "RESOURCE_DOES_NOT_EXIST":
        return ok("registry", "models and versions can be searched")
    wrong = versions if not versions.is_success else missing
    return fail(
        "registry",
        f"{wrong.request.url.path} is answered with {wrong.status_code} {_said(wrong)}",
        "If a proxy in between answers in its own words, let it pass errors on unchanged.",
    )


def _pages(client: httpx.Client, url: str) -> Finding:
    """Send a change as a program does, and as a page of this address would; it changes nothing."""
    path, parts = f"{_API}/registered-models/create", urlsplit(url)
    plain = client.post(path, json={})
    paged = client.post(path, json={}, headers={"Origin": f"{parts.scheme}://{parts.netloc}"})
    if paged.status_code == 403 != plain.status_code:
        return warn(
            "pages",
            f"A page of this address may not change anything: {_said(paged)}",
            "If a proxy stands in between, let it pass the Host header on.",
        )
    return ok("pages", "pages of this address may send changes")


def _artifacts(client: httpx.Client, *, read_only: bool) -> Iterator[Finding]:
    """Write a small file, read it, delete it; then ask for uploads in parts."""
    folder = f"muniment-doctor/{uuid.uuid4().hex}"
    listed = client.get(f"{_FILES}/artifacts", params={"path": folder})
    if not listed.is_success:
        yield warn(
            "artifacts",
            f"The server passes no artifacts on: {listed.status_code} {_said(listed)}",
            "Log artifacts to a store that clients reach themselves, such as s3://.",
        )
        return
    if read_only:
        yield ok("artifacts", "can be listed (--read-only: nothing was written)")
        return
    yield _round_trip(client, f"{_FILES}/artifacts/{folder}/probe.txt")
    yield _in_parts(client, folder)


def _round_trip(client: httpx.Client, path: str) -> Finding:
    content = uuid.uuid4().bytes
    written = client.put(path, content=content)
    if not written.is_success:
        return warn(
            "artifacts",
            f"Artifacts can be listed, but not written: {written.status_code} {_said(written)}",
            "To log models here, ask for a role that may write runs; check the proxy's body limit.",
        )
    read, deleted = client.get(path), client.delete(path)
    if read.content != content:
        return fail(
            "artifacts",
            f"What was written does not come back: {read.status_code} {_said(read)}",
            "A proxy in between may change bodies: let it pass them as they are.",
        )
    if not deleted.is_success:
        return warn(
            "artifacts",
            f"Written and read, but not deleted: {deleted.status_code} {_said(deleted)}",
            f"A file of 16 bytes is left at {path}.",
        )
    return ok("artifacts", "written, read and deleted again")


def _in_parts(client: httpx.Client, folder: str) -> Finding:
    path = f"{folder}/parts.bin"
    answer = client.post(f"{_FILES}/mpu/create/{folder}", json={"path": path, "num_parts": 1})
    if answer.status_code == 501:
        return ok("multipart", "not offered; clients send each file in one piece")
    if answer.is_success:
        upload = _document(answer).get("upload_id")
        client.post(f"{_FILES}/mpu/abort/{folder}", json={"path": path, "upload_id": upload})
        return ok("multipart", "offered: large files go up in parts")
    return warn(
        "multipart",
        f"Uploads in parts are answered with {answer.status_code} {_said(answer)}",
        "Unset MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD; files then go up in one piece.",
    )


def _tracking(client: httpx.Client, *, is_muniment: bool) -> Finding:
    answer = client.post(f"{_API}/experiments/search", json={"max_results": 1})
    if answer.is_success:
        return ok("tracking", "experiments and runs can be searched")
    if answer.status_code == 403:
        return warn(
            "tracking", f"Not for this caller: {_said(answer)}", "Ask for the role tracker."
        )
    hint = "Fine for a registry alone."
    if is_muniment:
        hint += ' For runs, install the server with pip install "muniment[mlflow]".'
    return warn("tracking", f"No runs can be kept here: {answer.status_code} {_said(answer)}", hint)


def _is_json(answer: httpx.Response) -> bool:
    return str(answer.headers.get("Content-Type", "")).startswith("application/json")


def _document(answer: httpx.Response) -> dict[str, Any]:
    """Return the JSON object of an answer; an empty one if it holds none."""
    try:
        value = answer.json()
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _said(answer: httpx.Response) -> str:
    """Return what an answer says, shortened."""
    document = _document(answer)
    text = document.get("message") or document.get("detail") or answer.text or answer.reason_phrase
    return " ".join(str(text).split())[:200]
