"""The pages on which people sign in, sign out and choose their password."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from muniment.domain.access import Grant, Role
from muniment.errors import ConfigurationError
from muniment.server.app import create_app
from muniment.server.settings import Settings
from tests.server.conftest import ORIGIN
from tests.server.issuer import AUDIENCE, CLIENT_ID, CLIENT_SECRET, Issuer, running
from tests.server.people import PASSWORD, House, house

HTML = {"Accept": "text/html"}
OURS = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}
NEW = "another good password"


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[House]:
    """A registry without users."""
    with house(tmp_path) as served:
        yield served


@pytest.fixture
def peopled(empty: House) -> House:
    """A registry with an admin, `root`."""
    empty.person("root", Role.ADMIN)
    return empty


class Form(HTMLParser):
    """The fields of the form that is a page's own, and its faults."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.faulty: list[str] = []
        self._within = False
        self.feed(html.partition('id="content"')[2])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        if tag == "form":
            self._within = not self.fields
        if tag == "input" and self._within:
            self.fields[known["name"] or ""] = known.get("value") or ""
            if "aria-invalid" in known:
                self.faulty.append(known["name"] or "")


def sign_in(client: httpx.Client, path: str = "/sign-in", **fields: str) -> httpx.Response:
    """Fill in the form as a browser does; the client keeps the cookies."""
    form = Form(client.get(path).text).fields
    form.update({"name": "root", "password": PASSWORD, **fields})
    return client.post("/sign-in", data=form, headers=OURS)


def name_of(client: httpx.Client) -> str | None:
    answer = client.get("/api/v1/me")
    return answer.json()["name"] if answer.status_code == 200 else None


# -- signing in ----------------------------------------------------------------------------------


def test_a_person_signs_in_goes_on_and_signs_out(peopled: House) -> None:
    client = peopled.client
    led = client.get("/docs?a=b", headers=HTML)
    answer = sign_in(client, led.headers["location"])
    assert (answer.status_code, answer.headers["location"]) == (303, "/docs?a=b")
    assert name_of(client) == "root"
    assert client.get("/docs", headers=HTML).status_code == 200

    page = client.get("/password")
    assert "Signed in as <strong>root</strong>" in page.text
    out = client.post("/sign-out", data={"form": Form(page.text).fields["form"]}, headers=OURS)
    assert (out.status_code, out.headers["location"]) == (303, "/sign-in")
    assert name_of(client) is None
    assert [kind for kind, _ in peopled.audited()][-2:] == ["sign_in", "sign_out"]


def test_a_cookie_that_was_kept_is_of_no_use_after_signing_out(peopled: House) -> None:
    sign_in(peopled.client)
    kept = {"Cookie": f"muniment={peopled.client.cookies['muniment']}"}
    form = Form(peopled.client.get("/password").text).fields["form"]
    peopled.client.post("/sign-out", data={"form": form}, headers=OURS)
    assert peopled.client.get("/api/v1/me", headers=kept).status_code == 401


@pytest.mark.parametrize("fields", [{"password": "wrong password"}, {"name": "nobody"}])
def test_a_wrong_name_or_password_is_said_at_the_field(
    peopled: House, fields: dict[str, str]
) -> None:
    answer = sign_in(peopled.client, **fields)
    assert answer.status_code == 403
    assert "www-authenticate" not in answer.headers  # a browser would ask on its own
    form = Form(answer.text)
    assert form.faulty == ["password"]
    assert form.fields["name"] == fields.get("name", "root")
    assert form.fields["password"] == ""
    assert "Name and password, or token, are not right." in answer.text
    assert name_of(peopled.client) is None


def test_guessing_on_the_page_is_throttled(peopled: House) -> None:
    for _ in range(5):
        assert sign_in(peopled.client, password="wrong password").status_code == 403
    answer = sign_in(peopled.client)
    assert answer.status_code == 429
    assert "Too many sign-ins have failed." in answer.text


def test_what_came_is_shown_as_text(peopled: House) -> None:
    answer = sign_in(peopled.client, name='"><script>alert(1)</script>')
    assert "<script>" not in answer.text
    assert Form(answer.text).fields["name"] == '"><script>alert(1)</script>'


@pytest.mark.parametrize(
    "goal",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "docs",
        "",
        "/\r\nSet-Cookie: a=b",
        " /docs",
        "/" + "a" * 2_000,
    ],
)
def test_nobody_is_led_elsewhere(peopled: House, goal: str) -> None:
    page = peopled.client.get("/sign-in", params={"next": goal})
    assert Form(page.text).fields["next"] == "/"
    answer = sign_in(peopled.client, next=goal)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_without_users_the_page_says_that_nobody_needs_it(empty: House) -> None:
    for path in ("/sign-in", "/password"):
        page = empty.client.get(path)
        assert page.status_code == 200
        assert "muniment init" in page.text
        assert 'method="post"' not in page.text


# -- only from pages of ours ---------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/sign-in", "/password", "/sign-out"])
def test_a_form_without_the_page_s_token_does_nothing(peopled: House, path: str) -> None:
    client = peopled.client
    if path != "/sign-in":
        sign_in(client)
    before = dict(client.cookies)
    good = {"name": "root", "password": PASSWORD, "old": PASSWORD, "new": NEW, "again": NEW}
    for token in ("", "0" * 64, "é", client.cookies.get("muniment", "x")):
        answer = client.post(path, data={**good, "form": token}, headers=OURS)
        assert answer.status_code == 400
        assert "Send it once more" in answer.text
    assert client.post(path, data=good, headers=OURS).status_code == 400
    assert client.cookies.get("muniment") == before.get("muniment")
    assert client.get("/api/v1/me", auth=("root", PASSWORD)).status_code == 200


def test_the_token_of_one_browser_is_none_of_another(peopled: House) -> None:
    theirs = Form(peopled.client.get("/sign-in").text).fields["form"]
    peopled.client.cookies.clear()
    peopled.client.get("/sign-in")
    answer = peopled.client.post(
        "/sign-in", data={"form": theirs, "name": "root", "password": PASSWORD}, headers=OURS
    )
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}],
)
def test_a_form_that_another_site_sends_is_refused(peopled: House, headers: dict[str, str]) -> None:
    form = Form(peopled.client.get("/sign-in").text).fields
    body = {**form, "name": "root", "password": PASSWORD}
    answer = peopled.client.post("/sign-in", data=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")


def test_forms_of_signed_in_browsers_must_say_whence_they_come(peopled: House) -> None:
    sign_in(peopled.client)
    form = Form(peopled.client.get("/password").text).fields
    for path in ("/password", "/sign-out"):
        assert peopled.client.post(path, data=form).status_code == 403
    assert name_of(peopled.client) == "root"


@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [
        ({"Content-Type": "application/json"}, b"{}", 415),
        ({"Content-Type": "multipart/form-data"}, b"", 415),
        ({}, b"a=b", 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"a=" + b"b" * 20_000, 413),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"a=%ff", 400),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"a=\xff", 400),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"a=b&" * 100, 400),
    ],
)
def test_what_is_no_form_of_ours_is_refused(
    peopled: House, headers: dict[str, str], content: bytes, status: int
) -> None:
    answer = peopled.client.post("/sign-in", content=content, headers={**OURS, **headers})
    assert answer.status_code == status


@pytest.mark.parametrize("path", ["/sign-in", "/password"])
def test_pages_with_forms_may_post_to_this_server_alone_and_are_not_kept(
    peopled: House, path: str
) -> None:
    sign_in(peopled.client)
    answer = peopled.client.get(path)
    policy = answer.headers["content-security-policy"]
    assert "form-action 'self'" in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-frame-options"] == "DENY"
    # With `no-referrer`, browsers would send `Origin: null` with the form.
    assert answer.headers["referrer-policy"] == "same-origin"
    assert not re.search(r"<script(?![^>]* src=)", answer.text)
    assert not re.search(r"""(?:src|href|action)=["'](?!/|#|data:)""", answer.text)


# -- passwords -----------------------------------------------------------------------------------


def test_a_one_time_password_leads_to_choosing_another(peopled: House) -> None:
    client = peopled.client
    peopled.person("ada", Role.VIEWER, must_change=True)
    answer = sign_in(client, "/sign-in?next=/docs", name="ada")
    assert answer.headers["location"] == "/password?next=/docs"
    assert client.get("/docs", headers=HTML).headers["location"] == "/password"
    page = client.get(answer.headers["location"])
    assert "made to be used once" in page.text
    form = Form(page.text).fields
    form |= {"old": PASSWORD, "new": NEW, "again": NEW}
    answer = client.post("/password", data=form, headers=OURS)
    assert (answer.status_code, answer.headers["location"]) == (303, "/docs")
    assert client.get("/docs", headers=HTML).status_code == 200


def test_the_account_has_the_way_to_all_other_pages(peopled: House) -> None:
    sign_in(peopled.client)
    account = peopled.client.get("/password").text
    assert all(f'href="{path}"' in account for path in ("/models", "/reviews", "/admin/tokens"))
    peopled.person("ada", Role.VIEWER, must_change=True)
    peopled.client.cookies.clear()
    sign_in(peopled.client, name="ada")
    first = peopled.client.get("/password").text
    assert "/models" not in first  # it would only lead back here


def test_a_changed_password_is_said(peopled: House) -> None:
    sign_in(peopled.client)
    form = Form(peopled.client.get("/password").text).fields
    form |= {"old": PASSWORD, "new": NEW, "again": NEW}
    answer = peopled.client.post("/password", data=form, headers=OURS)
    after = peopled.client.get(answer.headers["location"])
    assert "Your password was changed." in after.text


def test_who_has_no_password_is_asked_for_none(peopled: House) -> None:
    token = peopled.service("ci", Role.CONTRIBUTOR)
    page = peopled.client.get("/password", headers=token).text
    assert "You have no password here" in page
    assert 'name="old"' not in page


def test_a_new_password_ends_every_other_session(peopled: House) -> None:
    other = peopled.sign_in("root")
    sign_in(peopled.client)
    form = Form(peopled.client.get("/password").text).fields
    form |= {"old": PASSWORD, "new": NEW, "again": NEW}
    assert peopled.client.post("/password", data=form, headers=OURS).status_code == 303
    assert name_of(peopled.client) == "root"
    peopled.client.cookies.clear()
    assert peopled.client.get("/api/v1/me", headers=other).status_code == 401


@pytest.mark.parametrize(
    ("fields", "status", "faulty", "message"),
    [
        ({"old": "wrong password"}, 403, ["old"], "not right"),
        ({"new": "short", "again": "short"}, 400, ["new"], "12 to 1000"),
        ({"new": PASSWORD, "again": PASSWORD}, 400, ["new"], "present password"),
        ({"again": "something else"}, 400, ["again"], "not the same"),
    ],
)
def test_what_is_wrong_with_a_password_is_said_at_its_field(
    peopled: House, fields: dict[str, str], status: int, faulty: list[str], message: str
) -> None:
    sign_in(peopled.client)
    form = Form(peopled.client.get("/password").text).fields
    form |= {"old": PASSWORD, "new": NEW, "again": NEW, **fields}
    answer = peopled.client.post("/password", data=form, headers=OURS)
    assert answer.status_code == status
    assert Form(answer.text).faulty == faulty
    assert message in answer.text
    assert peopled.client.get("/api/v1/me", auth=("root", PASSWORD)).status_code == 200


# -- single sign-on ------------------------------------------------------------------------------


def test_without_an_issuer_there_is_no_single_sign_on(peopled: House) -> None:
    assert "/oidc/start" not in peopled.client.get("/sign-in").text
    assert peopled.client.get("/oidc/start").status_code == 404
    assert peopled.client.get("/oidc/callback").status_code == 404


@pytest.fixture
def trusting(tmp_path: Path) -> Iterator[tuple[House, Issuer]]:
    """A registry that lets people and machines in through an issuer."""
    with running() as (issuer, _):
        settings = {
            "oidc_issuer": issuer.url,
            "oidc_client_id": CLIENT_ID,
            "oidc_client_secret": CLIENT_SECRET,
            "oidc_audience": AUDIENCE,
        }
        with house(tmp_path, **settings) as served:
            served.person("root", Role.ADMIN)
            yield served, issuer


def test_a_person_signs_in_through_the_issuer(trusting: tuple[House, Issuer]) -> None:
    (served, issuer), client = trusting, trusting[0].client
    issuer.person["groups"] = ["risk"]
    served.owner.administration.add_grant("*", "group:risk", Grant.of_role(Role.VIEWER))
    assert "/oidc/start?next=/docs" in client.get("/sign-in?next=/docs").text

    begun = client.get("/oidc/start?next=/docs")
    assert begun.status_code == 303
    cookie = begun.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie  # it must come back with the issuer's redirect
    back = client.get("/oidc/callback", params=issuer.visit(begun.headers["location"]))
    # No redirect: from another site, a browser would not send the session's cookie along.
    assert back.status_code == 200
    assert '<meta http-equiv="refresh" content="0; url=/docs">' in back.text
    assert "muniment-oidc" not in client.cookies

    me = client.get("/api/v1/me").json()
    assert (me["name"], me["by"], me["grants"][0]["role"]) == ("ada", "session", "viewer")
    assert ("sign_in", "ada") in served.audited()


def test_an_answer_of_the_issuer_to_somebody_else_s_browser_is_refused(
    trusting: tuple[House, Issuer],
) -> None:
    (_, issuer), client = trusting, trusting[0].client
    answer = issuer.visit(client.get("/oidc/start").headers["location"])
    client.cookies.clear()
    refused = client.get("/oidc/callback", params=answer)
    assert refused.status_code == 403
    assert Form(refused.text).faulty == ["password"]
    assert "muniment" not in client.cookies


def test_a_deactivated_person_does_not_come_in_through_the_issuer(
    trusting: tuple[House, Issuer],
) -> None:
    (served, issuer), client = trusting, trusting[0].client
    for status in (200, 403):
        answer = issuer.visit(client.get("/oidc/start").headers["location"])
        assert client.get("/oidc/callback", params=answer).status_code == status
        served.owner.administration.set_active("ada", False)
    assert name_of(client) is None


def test_an_issuer_that_does_not_answer_is_said_on_the_page(tmp_path: Path) -> None:
    with running() as (issuer, _):
        gone = issuer.url
    with house(tmp_path, oidc_issuer=gone, oidc_client_id=CLIENT_ID) as served:
        served.person("root", Role.ADMIN)
        answer = served.client.get("/oidc/start")
        assert answer.status_code == 503
        assert "<form" in answer.text


def test_the_first_to_come_through_an_issuer_does_not_lock_the_owner_out(tmp_path: Path) -> None:
    with (
        running() as (issuer, _),
        house(tmp_path, oidc_issuer=issuer.url, oidc_client_id=CLIENT_ID) as served,
    ):
        issuer.secret = ""
        answer = issuer.visit(served.client.get("/oidc/start").headers["location"])
        assert served.client.get("/oidc/callback", params=answer).status_code == 403
        assert served.client.get("/api/v1/models").status_code == 200


def test_a_machine_sends_its_jwt(trusting: tuple[House, Issuer]) -> None:
    served, issuer = trusting
    who = f"oidc:{issuer.url}|{issuer.machine()['sub']}"
    jwt = {"Authorization": f"Bearer {issuer.sign(issuer.machine())}"}
    assert served.client.post("/api/v1/models", headers=jwt, json={"name": "x"}).status_code == 403
    served.owner.administration.add_grant("*", who, Grant.of_role(Role.CONTRIBUTOR))
    assert served.client.post("/api/v1/models", headers=jwt, json={"name": "x"}).status_code == 201
    me = served.client.get("/api/v1/me", headers=jwt).json()
    assert (me["name"], me["by"], me["automation"], me["kind"]) == (who, "oidc", True, None)
    for bent in ({"aud": "https://other.example"}, {"exp": 1}, {"iss": "https://other.example"}):
        token = {"Authorization": f"Bearer {issuer.sign(issuer.machine(**bent))}"}
        assert served.client.get("/api/v1/me", headers=token).status_code == 401


def test_processes_on_several_machines_need_a_secret_that_they_share(tmp_path: Path) -> None:
    told = {
        "home": tmp_path,
        "database": "postgresql://db/models",
        "oidc_issuer": "https://idp.example.com",
        "oidc_client_id": CLIENT_ID,
    }
    with pytest.raises(ConfigurationError, match="OIDC_CLIENT_SECRET_FILE"):
        create_app(Settings.model_validate({**told, "mlflow_tracking": "off"}))
