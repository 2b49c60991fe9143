"""Browsers as a way in: other sites' pages, names that are rebound, redirects, markup in texts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from muniment.domain.access import Grant, Role
from muniment.domain.changes import ModelChanges, NewVersion
from muniment.domain.manifest import FileEntry, Manifest
from muniment.server.app import create_app
from muniment.server.settings import Settings
from tests.security.conftest import PASSWORD, World, cookie_of, form_of
from tests.security.routes import EVERY
from tests.server.conftest import serving

API: Final = "/api/v1"
FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
EVIL: Final = "https://evil.example"


def test_no_answer_leads_to_another_site(client: httpx.Client, world: World) -> None:
    headers = {**world.headers("root"), "Accept": "text/html"}
    for path in (
        "//evil.example",
        "/\\evil.example",
        "/%2f%2fevil.example",
        "/https://evil.example",
    ):
        for method in ("GET", "HEAD", "POST"):
            location = client.request(method, path, headers=headers).headers.get("location", "/")
            assert location.startswith("/")
            assert not location.startswith(("//", "/\\"))


GOALS: Final = (
    "//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil.example",
    "/\t/evil.example",
    "javascript:alert(1)", "/..//evil.example", "http:evil.example", " //evil.example", "/\n/x",
    "///evil.example", "/%0d%0aX-Injected:1", "\x00//evil.example", "/@evil.example/../..//x",
)  # fmt: skip


@pytest.fixture(scope="module")
def somebody(world: World) -> str:
    """The name of a person who may nothing."""
    return world.person()


@pytest.mark.parametrize("goal", GOALS)
def test_signing_in_leads_to_a_page_of_ours(client: httpx.Client, somebody: str, goal: str) -> None:
    page = client.get("/sign-in", params={"next": goal})
    field, cookie = form_of(page)
    assert 'value="//' not in page.text
    assert "javascript:" not in page.text
    fields = {"name": somebody, "password": PASSWORD}
    answer = client.post(
        "/sign-in", data={**fields, "form": field, "next": goal}, headers={**FORM, **cookie}
    )
    assert answer.status_code == 303
    to = httpx.URL(f"{client.base_url}/sign-in").join(answer.headers["location"])
    assert (to.host, to.scheme) == (client.base_url.host, client.base_url.scheme)
    assert "x-injected" not in answer.headers


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "127.0.0.1@evil.example",
     "localhost.evil.example", "evil.example#127.0.0.1", "0.0.0.0:8000", "[::2]",
     "127.0.0.1:8000:1", "localhost:", "169.254.169.254", "127.0.0.1, evil.example"],
)  # fmt: skip
def test_a_name_that_is_rebound_to_loopback_gets_nothing(
    client: httpx.Client, world: World, host: str
) -> None:
    for who in (None, "root"):
        answer = client.get(f"{API}/models", headers={"Host": host, **world.headers(who)})
        assert answer.status_code in (400, 403), host
        assert "items" not in answer.json()


def foreign_writes() -> list[Any]:
    body = b'{"name": "by-csrf", "x": "="}'
    ways = {
        "text/plain form": {"Content-Type": "text/plain", "Origin": EVIL},
        "urlencoded form": {**FORM, "Origin": EVIL},
        "null origin": {"Content-Type": "text/plain", "Origin": "null"},
        "another port": {"Content-Type": "text/plain", "Origin": "http://127.0.0.1:9"},
        "a lookalike": {"Content-Type": "text/plain", "Origin": "http://127.0.0.1:8000.evil.example"},
        "fetch metadata": {"Content-Type": "text/plain", "Sec-Fetch-Site": "cross-site"},
        "a sibling site": {"Content-Type": "text/plain", "Sec-Fetch-Site": "same-site"},
        "json anyway": {"Content-Type": "application/json", "Origin": EVIL},
        "metadata wins": {
            "Content-Type": "application/json",
            "Origin": "http://127.0.0.1:8000",
            "Sec-Fetch-Site": "cross-site",
        },
    }  # fmt: skip
    return [pytest.param(headers, body, id=name) for name, headers in ways.items()]


@pytest.mark.parametrize(("headers", "body"), foreign_writes())
def test_a_page_of_another_site_changes_nothing_on_loopback(
    tmp_path: Path, headers: dict[str, str], body: bytes
) -> None:
    with serving(create_app(Settings(home=tmp_path / "home"))) as client:
        assert client.get(f"{API}/models").status_code == 200  # nobody signs in here
        for method, path in (
            ("POST", f"{API}/models"),
            ("POST", f"{API}/models/by-csrf/push"),
            ("PUT", f"{API}/models/by-csrf/push/x"),
            ("POST", "/api/classic/upload"),
            ("POST", f"{API}/garbage/collect"),
            ("POST", f"{API}/users"),
            ("DELETE", f"{API}/models/by-csrf"),
        ):
            answer = client.request(method, path, content=body, headers=headers)
            assert answer.status_code == 403, path
        multipart = {**headers, "Content-Type": "multipart/form-data; boundary=B"}
        form = (
            b'--B\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\ny\r\n--B--\r\n'
        )
        answer = client.post(f"{API}/models/by-csrf/push", content=form, headers=multipart)
        assert answer.status_code == 403
        assert client.get(f"{API}/models").json()["items"] == []


def test_a_cookie_alone_changes_nothing(client: httpx.Client, world: World) -> None:
    name = world.person(Grant.of_role(Role.ADMIN))
    cookie = cookie_of(client.post(f"{API}/sessions", json={"name": name, "password": PASSWORD}))
    model, own = world.name(), str(client.base_url).rstrip("/")
    for headers, status in (
        ({}, 403),  # a browser says whence, always
        ({"Origin": EVIL}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": own, "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": own}, 201),
    ):
        answer = client.post(f"{API}/models", json={"name": model}, headers={**cookie, **headers})
        assert answer.status_code == status, headers


def test_no_other_site_may_read_an_answer(client: httpx.Client, world: World) -> None:
    headers = {"Origin": EVIL, "Access-Control-Request-Method": "POST", **world.headers("root")}
    for method in ("GET", "OPTIONS"):
        answer = client.request(method, f"{API}/models", headers=headers)
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"


SCRIPT: Final = "<script>alert(1)</script>"
OURS: Final = re.compile(r'<script type="module" src="/assets/[0-9a-f]{12}/[a-z]+\.js"></script>')


SVG: Final = (
    b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>'
)


@pytest.mark.parametrize(
    ("path", "media_type", "content"),
    [
        ("x.html", "text/html", SCRIPT.encode()),
        ("x.svg", "image/svg+xml", SVG),
        ("x.xhtml", "application/xhtml+xml", SVG),
        ("x.xml", "text/xml", SVG),
        ("x.js", "text/javascript", b"alert(1)"),
        ("x.pdf", "application/pdf", b"%PDF-1.7"),
        ("x.md", "text/markdown", b"[x](javascript:alert(1))"),
        ("no-extension", "application/octet-stream", SCRIPT.encode()),
        ('"><img src=x>.html', "text/html", SCRIPT.encode()),
        ("\u202egnp.exe", "image/png", b"MZ"),
    ],
)
def test_no_artifact_runs_in_a_browser(
    client: httpx.Client, world: World, path: str, media_type: str, content: bytes
) -> None:
    name = world.name("fraud")
    file = FileEntry(path, world.store(content), len(content), media_type)
    new = NewVersion(files=Manifest.of([file]))
    world.owner.catalog.create_version(name, new, create_model=True)
    target = httpx.URL(f"{client.base_url}{API}/models/{name}/versions/1/files/").join(
        "./" + "".join(f"%{byte:02x}" for byte in path.encode())
    )
    for address in (str(target), f"{API}/blobs/{file.digest}"):
        for more in ({}, {"Range": "bytes=0-3"}, {"Accept": "text/html"}):
            answer = client.get(address, headers={**world.headers("root"), **more})
            assert answer.status_code in (200, 206)
            assert answer.headers["content-disposition"].startswith("attachment;")
            assert '"><' not in answer.headers["content-disposition"]
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "sandbox" in answer.headers["content-security-policy"]
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            assert answer.headers["cache-control"].startswith("private")


def test_every_answer_forbids_frames_sniffing_and_foreign_content(
    client: httpx.Client, world: World
) -> None:
    for route in [*EVERY, "GET /nowhere", "BREW /api/v1/models", "GET /api/v1/models?page_size=x"]:
        method, _, template = route.partition(" ")
        path = template.replace("{", "").replace("}", "")
        for headers in (
            {},
            world.headers("root"),
            {"Host": "evil.example"},
            {"Accept": "text/html"},
        ):
            if route == "GET /events" and "Authorization" in headers:
                continue  # a stream without end, which this client would read to it
            answer = client.request(method, path, headers=headers)
            assert answer.headers["x-content-type-options"] == "nosniff", route
            assert answer.headers["x-frame-options"] == "DENY", route
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy, route
            assert "frame-ancestors 'none'" in policy, route
            assert "unsafe" not in policy, route
            assert policy.count("script-src") == policy.count("script-src 'self';"), route
            assert answer.headers["referrer-policy"] in ("no-referrer", "same-origin"), route
            assert "server" not in answer.headers, route


def test_no_text_becomes_markup_on_a_page(client: httpx.Client, world: World) -> None:
    name = world.name("fraud") + SCRIPT.replace("/", "")
    world.owner.catalog.create_model(
        name, ModelChanges(description=SCRIPT, tags={"k": SCRIPT, "u": "javascript:alert(1)"})
    )
    headers = world.headers("root")
    for path in (
        "/", "/docs", f"/docs?{SCRIPT}", f"/sign-in?next=/{SCRIPT}", '/sign-in?next=/"><x>',
        f"/{SCRIPT}", f"{API}/models/{SCRIPT}", f"{API}/models?filter={SCRIPT}",
        "/password?next=/'><x>",
    ):  # fmt: skip
        answer = client.get(path, headers={**headers, "Accept": "text/html"})
        if "html" in answer.headers.get("content-type", ""):
            assert "<script" not in OURS.sub("", answer.text).lower(), path
            assert "<x>" not in answer.text, path
            assert "onload=" not in answer.text.lower(), path
    field, cookie = form_of(client.get("/sign-in"))
    fault = client.post(
        "/sign-in",
        data={"name": f'"><x>{SCRIPT}', "password": "p", "form": field, "next": '/"><x>'},
        headers=cookie,
    )
    assert fault.status_code == 403
    assert "<x>" not in fault.text
    assert "<script" not in fault.text.lower()


def test_no_header_takes_a_line_from_a_text(client: httpx.Client, world: World) -> None:
    for hostile in (
        "x%0d%0aX-Injected: 1",
        "x%0aSet-Cookie: a=b",
        "%E5%98%8A%E5%98%8DX-Injected:1",
    ):
        for path in (f"{API}/models/{hostile}", f"/sign-in?next=/{hostile}", f"/{hostile}"):
            for headers in (world.headers("root"), {"Accept": "text/html"}):
                answer = client.get(path, headers=headers)
                assert "x-injected" not in answer.headers
                assert "a=b" not in answer.headers.get("set-cookie", "")
