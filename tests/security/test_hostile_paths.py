"""One corpus of hostile texts, put wherever a path, a name or a digest goes in.

Whatever comes of it, nothing beside the registry's folder is read, made or changed, and the server
never fails: every answer is one that it gives on purpose.
"""

from __future__ import annotations

import hashlib
import json
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path
from typing import Final
from urllib.parse import quote

import pytest

from muniment.domain import names
from muniment.domain.manifest import FileEntry, Manifest
from muniment.domain.refs import parse_ref
from muniment.domain.values import utcnow
from muniment.errors import InvalidInput, LimitExceeded, MunimentError
from muniment.storage.factory import open_folder
from muniment.storage.metadata import ModelName
from tests.client.servers import Server
from tests.security.conftest import World, started
from tests.security.routes import EVERY

API: Final = "/api/v1"
CANARY: Final = b"CANARY: a file beside the registry"

CORPUS: Final = (
    # up and out
    "..", ".", "../canary.txt", "../../canary.txt", "../../../../../../../../etc/passwd",
    "a/../../../canary.txt", "a/..", "./a", "a//b", "....//....//canary.txt", "..;/canary.txt",
    "../canary.txt\0.pkl", "model.pkl/../../../canary.txt", "..%2f..%2fcanary.txt",
    "%2e%2e%2fcanary.txt", "%252e%252e%252fcanary.txt", "%25252e%25252e%25252fcanary.txt",
    # other separators, drives, shares, devices
    "..\\canary.txt", "..\\..\\canary.txt", "a\\b", "C:\\Windows\\win.ini", "C:canary.txt", "C:/x",
    "\\\\server\\share\\x", "//server/share/x", "\\\\?\\C:\\x", "CON", "NUL", "aux.txt", "a:b",
    "a::$DATA", "file:///etc/passwd", "file://localhost/etc/passwd", "~/.ssh/id_rsa", "~root",
    # absolute
    "/etc/passwd", "/canary.txt", "//etc/passwd", "/proc/self/environ", "/dev/zero",
    # what a text may hold
    "\0", "a\0b", "a\nb", "a\rb", "a\r\nX-Injected: yes", "\t", "\x1b[2J", "\x7f", " ", "a ", "a.",
    "%", "%%", "%zz", "%00", "%0a", ";", "a;b", "a;.pkl", "#", "a#b", "?", "a?b=c", "&", "+", "*",
    "'", "\"", "`id`", "$(id)", "${HOME}", "|id", "<script>", "{{7*7}}", "%n%s", "a" * 300,
    "a" * 5_000, "a/" * 400 + "b", "\N{PILE OF POO}" * 64,
    # what only looks like a dot or a slash, or becomes one
    "．．／canary.txt", "‥/canary.txt", "..∕canary.txt", "..⁄canary.txt", "..＼canary.txt",
    "..\N{SET MINUS}canary.txt", "\u202e../x", "\ufeff..", "..\u200b/canary.txt", "․․/x",
    # the registry's own
    "muniment.db", "../muniment.db", "blobs", "staging", "blobs/link", "link", "..link",
    "0" * 64, "A" * 64, "0" * 63, "0" * 65, "0" * 64 + "\n", "sha256:" + "0" * 64, "0" * 62 + "/.",
    "0" * 32, "../" + "0" * 61, "latest", "v1", "0", "-1", "1e3", "0x1", "١", "9" * 40, "nan",
)  # fmt: skip
# Bytes that are no UTF-8: overlong dots and slashes, lone and paired surrogates, too long, cut off.
BYTES: Final = (
    b"%c0%ae%c0%ae%c0%afcanary.txt", b"%e0%80%ae%e0%80%ae%e0%80%afx", b"%f0%80%80%af", b"%c0%af",
    b"%ed%a0%80", b"%ed%a0%bd%ed%b8%80", b"%ff%fe", b"%f8%88%80%80%80", b"%e2%82", b"%80",
    b"\xc0\xae\xc0\xae/", b"\xff",
)  # fmt: skip


def spellings(text: str) -> Iterator[bytes]:
    """Yield the ways to write a text into a path: as it stands, and encoded once to three times."""
    yield re.sub(rb"[\x00-\x20\x7f?#]", lambda m: b"%%%02x" % m[0][0], text.encode())
    encoded = text
    for _ in range(3):
        encoded = quote(encoded, safe="")
        yield encoded.encode()
        if len(encoded) > 2_000:
            return
    yield "".join(f"%{byte:02X}" for byte in text.encode()).encode()


ONCE: Final = (*(quote(text, safe="").encode() for text in CORPUS), *BYTES)
HOSTILE: Final = tuple(dict.fromkeys([s for text in CORPUS for s in spellings(text)] + [*BYTES]))


@dataclass
class Box:
    """A server whose home stands among files that are none of its business."""

    folder: Path
    server: Server
    token: str
    before: dict[str, tuple[int, bytes]]

    def request(
        self, method: str, path: bytes, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Send a request line as it stands; return the answer's status, head and content."""
        head = {
            "Host": f"127.0.0.1:{self.server.port}",
            "Authorization": f"Bearer {self.token}",
            "Content-Length": str(len(body)),
            "Upload-Offset": "0",
            **(headers or {}),
        }
        lines = b"".join(f"{name}: {value}\r\n".encode() for name, value in head.items())
        wire = self._wire()
        with suppress(BrokenPipeError, ConnectionResetError):  # it may have been refused already
            wire.sendall(method.encode() + b" " + path + b" HTTP/1.1\r\n" + lines + b"\r\n" + body)
        answer = HTTPResponse(wire, method=method)
        answer.begin()
        content = answer.read()
        if answer.will_close:
            wire.close()
            self._kept = None
        return answer.status, bytes(answer.msg) + content

    _kept: socket.socket | None = None

    def _wire(self) -> socket.socket:
        if self._kept is None:
            self._kept = socket.create_connection(("127.0.0.1", self.server.port), timeout=60)
        return self._kept

    def json(self, method: str, path: str, body: object) -> tuple[int, bytes]:
        # Escapes, so that unpaired surrogates and the like reach the server as well.
        content = json.dumps(body).encode()
        return self.request(method, path.encode(), content, {"Content-Type": "application/json"})

    def check(self, what: object, answer: tuple[int, bytes]) -> None:
        status, content = answer
        assert 200 <= status < 500 or status == 501, (what, status, content)
        assert CANARY not in content, what
        assert b"root:x:" not in content, what
        assert b"\nX-Injected:" not in content, what


def outside(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Return what there is beside the home: names, times of change, and contents."""
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in sorted(folder.rglob("*"))
        if folder / "home" not in (path, *path.parents)
    }


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    folder = tmp_path_factory.mktemp("box")
    home = folder / "home"
    world = World.made_in(home)
    world.owner.catalog.set_alias("fraud", "champion", world.version("fraud"))
    world.ports.close()
    (folder / "inner").mkdir()
    for place in (folder, folder / "inner"):
        for name in ("canary.txt", "passwd", "x"):
            (place / name).write_bytes(CANARY)
    for link in (home / "link", home / "blobs" / "link"):
        link.symlink_to(folder / "canary.txt")
    before = outside(folder)
    with started(home) as server:
        made = Box(folder, server, world.tokens["root"], before)
        yield made
        if made._kept is not None:
            made._kept.close()


@pytest.fixture(autouse=True)
def nothing_outside_changes(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "box" in request.fixturenames:
        box = request.getfixturevalue("box")
        assert outside(box.folder) == box.before
        home = {str(path.relative_to(box.folder / "home")) for path in found(box.folder / "home")}
        strange = {name for name in home if not OWN.fullmatch(name)}
        assert not strange


def found(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


OWN: Final = re.compile(
    r"(muniment|mlflow)\.db(-wal|-shm|-journal)?|mlflow\.lock|link|blobs/link|blobs/owner|muniment\.\w+"
    r"|blobs/(sha256/)?([0-9a-f]{2}/){0,2}[0-9a-f]{64}|blobs/staging/[0-9a-f]{32}(\.\w+)?"
)
"""The files of a home."""

WITH_PATHS: Final = [route for route in EVERY if "{" in route]
GOOD: Final = {
    "name": "fraud", "number": "1", "alias": "champion", "path": "model.bin", "digest": "0" * 64,
    "id": "0" * 32, "metadata_id": "0" * 32,
}  # fmt: skip


@pytest.mark.parametrize("route", WITH_PATHS)
def test_no_path_leads_out(box: Box, route: str) -> None:
    method, _, template = route.partition(" ")
    parameters = re.findall(r"{(\w+)}", template)
    assert parameters
    for parameter in parameters:
        head, tail = (
            re.sub(r"{(\w+)}", lambda m: GOOD.get(m[1], "x"), part).encode()
            for part in template.split(f"{{{parameter}}}")
        )
        for text in HOSTILE:
            body = b"x" if method == "PUT" else b""
            answer = box.request(method, head + text + tail, body)
            box.check((method, head + text + tail), answer)


@pytest.mark.parametrize("path", ["/", "/api/v1/", "/api/v1/models/fraud/versions/1/files/"])
def test_no_target_at_all_leads_out(box: Box, path: str) -> None:
    for text in HOSTILE:
        for method in ("GET", "PUT", "DELETE"):
            answer = box.request(method, path.encode() + text)
            box.check((method, path, text), answer)
            assert answer[0] < 300 or path != "/" or answer[0] in (400, 403, 404, 405, 414)


def test_what_is_good_is_let_in(box: Box) -> None:
    """Else nothing above would show anything."""
    status, content = box.request("GET", b"/api/v1/models/fraud/versions/1/files/model.bin")
    assert status == 200
    assert b"the content" in content
    status, _ = box.request("PUT", b"/api/v1/models/fraud/push/a/b%2ec", b"x")
    assert status == 201


IN_QUERIES: Final = [
    "/api/v1/resolve?ref={}",
    "/api/v1/resolve?ref=fraud@{}",
    "/api/v1/resolve?ref=fraud/{}",
    "/api/v1/models?filter={}",
    "/api/v1/models?filter=name%20=%20'{}'",
    "/api/v1/models?order_by={}",
    "/api/v1/models?page_token={}",
    "/api/v1/models?page_size={}",
    "/api/v1/models/fraud/activities?page_token={}",
    "/api/v1/can?user={}&verb=read",
    "/api/v1/can?user=nobody&verb=read&model={}",
    "/api/v1/tokens?user={}",
    "/api/v1/audit?page_token={}",
    "/api/classic/models?name={}",
    "/api/classic/models?storage_group={}",
    "/api/classic/download?metadata_id={}&file_path=x&bucket_name=y",
    "/api/classic/download?metadata_id=" + "0" * 32 + "&file_path={}&bucket_name=y",
    "/sign-in?next={}",
    "/password?next={}",
    "/oidc/start?next={}",
]


@pytest.mark.parametrize("template", IN_QUERIES)
def test_no_query_leads_out(box: Box, template: str) -> None:
    for text in ONCE:
        head, tail = (part.encode() for part in template.split("{}"))
        answer = box.request("GET", head + text.replace(b"&", b"%26") + tail)
        box.check((template, text), answer)


def file_of(**fields: str) -> dict[str, object]:
    return {"path": "a", "sha256": "0" * 64, "size": 1, **fields}


IN_BODIES: Final[list[tuple[str, str, Callable[[str], object]]]] = [
    ("POST", "/models", lambda t: {"name": t}),
    ("POST", "/models", lambda t: {"name": f"tagged-{abs(hash(t))}", "tags": {t: t}}),
    ("PATCH", "/models/fraud", lambda t: {"description": t}),
    ("PATCH", "/models/nothing", lambda t: {"name": t}),
    ("POST", "/models/fraud/versions", lambda t: {"files": [file_of(path=t)]}),
    ("POST", "/models/fraud/versions", lambda t: {"files": [file_of(sha256=t)]}),
    ("POST", "/models/fraud/versions", lambda t: {"source_uri": t}),
    ("POST", "/models/fraud/versions", lambda t: {"pending": True, "label": t, "framework": t}),
    ("PATCH", "/models/fraud/versions/1", lambda t: {"run_id": t, "run_link": t}),
    ("POST", "/models/fraud/versions/1/seal", lambda t: {"files": [file_of(path=t)]}),
    ("POST", "/models/fraud/versions/1/stage", lambda t: {"stage": t, "comment": t}),
    ("PUT", "/models/fraud/aliases/champion", lambda t: {"version": t}),
    ("POST", "/blobs/missing", lambda t: {"digests": [t]}),
    ("POST", "/uploads", lambda t: {"digest": t, "size": 1}),
    ("POST", "/users", lambda t: {"name": t, "service": True, "display_name": t}),
    ("POST", "/users", lambda t: {"name": "n", "workspace": t, "role": t}),
    ("POST", "/tokens", lambda t: {"description": t}),
    ("POST", "/tokens", lambda t: {"user": t}),
    ("POST", "/tokens", lambda t: {"scopes": [{"role": "viewer", "models": t, "alias": t}]}),
    ("POST", "/grants", lambda t: {"subject": f"group:{t}", "role": "viewer", "models": t}),
    ("POST", "/grants", lambda t: {"subject": t, "role": "viewer", "tag": t}),
    ("POST", "/grants", lambda t: {"subject": "group:x", "role": "viewer", "workspace": t}),
    ("POST", "/sessions", lambda t: {"name": "x", "password": 1, t: t}),
]  # fmt: skip
SURROGATES: Final = ("\ud800", "a\udfff", "\udc80\udcff")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    IN_BODIES,
    ids=[f"{m} {p}-{n}" for n, (m, p, _) in enumerate(IN_BODIES)],
)
def test_no_body_leads_out(box: Box, method: str, path: str, body: Callable[[str], object]) -> None:
    for text in (*CORPUS, *SURROGATES):
        box.check((method, path, text), box.json(method, API + path, body(text)))


def form(name: bytes, filename: bytes, content: bytes = b"x") -> bytes:
    head = b'Content-Disposition: form-data; name="%s"; filename="%s"' % (name, filename)
    return b"--B\r\n" + head + b"\r\n\r\n" + content + b"\r\n--B--\r\n"


@pytest.mark.parametrize("path", ["/api/v1/models/forms/push", "/api/classic/upload"])
def test_no_form_leads_out(box: Box, path: str) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=B"}
    for text in (*(t.encode("utf-8", "surrogatepass") for t in CORPUS), *BYTES):
        for body in (form(b"file", text), form(text, b"model.pkl"), form(text, text)):
            box.check((path, text), box.request("POST", path.encode(), body, headers))
    for text in CORPUS:
        metadata = dict.fromkeys(("id", "name", "version", "file_extension"), text)
        part = b'--B\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n'
        described = part + json.dumps(metadata | {"storage_group": text}).encode() + b"\r\n"
        body = described + form(b"file", b"model.pkl")
        box.check((path, text), box.request("POST", path.encode(), body, headers))


@pytest.mark.parametrize(
    "header",
    ["X-Muniment-Workspace", "If-Match", "If-None-Match", "Range", "Idempotency-Key",
     "Upload-Offset", "Content-Type", "X-Request-Id", "X-Forwarded-For", "X-Forwarded-Host",
     "Cookie"],
)  # fmt: skip
def test_no_header_leads_out(box: Box, header: str) -> None:
    for text in ONCE:
        value = text.decode("latin-1")
        for method, path in (
            ("GET", b"/api/v1/models/fraud/versions/1/files/model.bin"),
            ("PATCH", b"/api/v1/models/fraud"),
            ("PATCH", b"/api/v1/uploads/" + b"0" * 32),
        ):
            box.check((header, text), box.request(method, path, headers={header: value}))


# -- the storage adapters ------------------------------------------------------------------------


def test_no_digest_and_no_id_leads_out_of_a_blob_store(tmp_path: Path) -> None:
    blobs = open_folder(tmp_path / "home").blobs
    (tmp_path / "canary.txt").write_bytes(CANARY)
    (tmp_path / "home" / "blobs" / "link").symlink_to(tmp_path / "canary.txt")
    before, inside = outside(tmp_path), set((tmp_path / "home").rglob("*"))
    calls: list[Callable[[str], object]] = [
        blobs.create_writer,
        blobs.resume_writer,
        blobs.offset,
        blobs.stat,
        blobs.read_all,
        blobs.local_path,
        blobs.delete,
        lambda t: list(blobs.read(t)),
        lambda t: list(blobs.list(t or "x")),
        lambda t: blobs.presign_get(t, seconds=1, filename="x"),
    ]
    for text in {*CORPUS, *SURROGATES} - {"0" * 64, "0" * 32}:
        for call in calls:
            with pytest.raises(InvalidInput):
                call(text)
        with blobs.create_writer("0" * 32) as writer:
            with pytest.raises(InvalidInput):
                writer.commit(text)
            writer.cancel()
    blobs.close()  # what was thrown away is freed in the background, and by then it is
    assert outside(tmp_path) == before
    assert set((tmp_path / "home").rglob("*")) - inside <= {tmp_path / "home/blobs/staging"}


def test_a_writer_can_only_commit_to_the_digest_of_its_bytes(tmp_path: Path) -> None:
    blobs = open_folder(tmp_path / "home").blobs
    with blobs.create_writer("0" * 32) as writer:
        writer.write(b"bytes")
        with pytest.raises(MunimentError):
            writer.commit("0" * 64)
    assert blobs.stat("0" * 64) is None
    blobs.close()


def test_no_name_leads_out_of_a_metadata_store(tmp_path: Path) -> None:
    stores = open_folder(tmp_path / "home")
    store, accounts = stores.metadata, stores.accounts
    (tmp_path / "canary.txt").write_bytes(CANARY)
    before = outside(tmp_path)
    for text in CORPUS:
        assert store.model(ModelName(text, text)) is None
        assert store.version(text, text, 1) is None
        assert store.version_by_uuid(text, text) is None
        assert store.version_by_alias(text, text, text) is None
        assert store.version_by_label(text, text, text) is None
        assert not store.references(text, text)
        assert store.upload(text, text) is None
        assert not store.known_blobs([text])
        assert accounts.user(text) is None
        assert accounts.user_by_subject(text) is None
        assert accounts.token(text) is None
        assert accounts.session(text) is None
        assert not accounts.grants_of([text], text)
        assert not accounts.claimed_blobs([text], text, text)
        assert not accounts.models_with_blobs([text], text)
        assert not accounts.revoke_token(text, utcnow())
    assert outside(tmp_path) == before
    store.close()
    stores.blobs.close()


# -- the rules themselves ------------------------------------------------------------------------


@pytest.mark.parametrize("text", CORPUS)
def test_a_path_that_is_accepted_stays_below_where_it_is_put(text: str, tmp_path: Path) -> None:
    try:
        path = names.check_path(text)
    except InvalidInput:
        return
    placed = (tmp_path / path).resolve()
    assert placed.is_relative_to(tmp_path.resolve())
    assert placed != tmp_path.resolve()
    assert "\\" not in path
    assert Manifest.of([FileEntry(path, "0" * 64, 1)]).files[0].path == path


@pytest.mark.parametrize("text", CORPUS)
def test_a_name_that_is_accepted_is_one_segment_of_an_address(text: str) -> None:
    for check in (names.check_model_name, names.check_alias, names.check_label):
        with suppress(InvalidInput, LimitExceeded):
            name = check(text)
            assert "/" not in name
            assert name not in (".", "..")
            assert not any(ord(c) < 32 for c in name)
    with suppress(MunimentError):
        assert "/" not in parse_ref(text).model


def test_only_one_spelling_of_a_digest_is_one() -> None:
    good = hashlib.sha256(b"").hexdigest()
    assert names.check_digest(good) == names.check_digest(f"sha256:{good}") == good
    for bad in (good.upper(), f" {good}", f"{good}\n", f"sha256:sha256:{good}", good[:-1] + "g"):
        with pytest.raises(InvalidInput):
            names.check_digest(bad)
