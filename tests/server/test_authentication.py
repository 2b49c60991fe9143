"""Who is let in: credentials of all kinds, good and bad, on every face."""

from __future__ import annotations

import logging
from base64 import b64encode
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from muniment.domain.access import Grant, Role
from tests.server.conftest import ORIGIN
from tests.server.people import PASSWORD, House, bearer, house

MODELS = "/api/v1/models"
ME = "/api/v1/me"
NUMBER = 20_250_311_117


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


def basic(text: bytes) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(text).decode()}"}


# -- without users -------------------------------------------------------------------------------


def test_without_users_everybody_is_the_owner(empty: House) -> None:
    assert empty.client.post(MODELS, json={"name": "fraud"}).status_code == 201
    me = empty.client.get(ME).json()
    assert (me["name"], me["by"], me["kind"]) == ("anonymous", "none", None)
    assert [grant["role"] for grant in me["grants"]] == ["admin"]


@pytest.mark.parametrize("headers", [basic(b"root:password"), bearer("mun_a_b"), bearer("a.b.c")])
def test_without_users_no_credentials_are_right(empty: House, headers: dict[str, str]) -> None:
    answer = empty.client.get(ME, headers=headers)
    assert answer.status_code == 401
    assert "no users" in answer.json()["detail"]


def test_without_users_a_cookie_of_another_server_does_not_matter(empty: House) -> None:
    assert empty.client.get(ME, headers={"Cookie": "muniment=abc"}).status_code == 200


def test_the_first_user_closes_the_door_at_once(empty: House) -> None:
    assert empty.client.get(MODELS).status_code == 200
    empty.person("root", Role.ADMIN)
    assert empty.client.get(MODELS).status_code == 401


def test_nobody_is_owner_of_a_server_that_others_can_reach(tmp_path: Path) -> None:
    with house(tmp_path, host="192.0.2.1") as served:
        assert served.client.get(MODELS).status_code == 401


# -- with users ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", MODELS),
        ("POST", MODELS),
        ("GET", "/api/v1/nothing"),
        ("GET", "/api/classic/models"),
        ("GET", "/docs"),
        ("GET", "/openapi.json"),
        ("GET", "/metrics"),
        ("GET", "/"),
        ("GET", "/nothing"),
        ("OPTIONS", MODELS),
        ("GET", "/password"),
        ("POST", "/sign-out"),
        ("GET", "/version/"),
        ("GET", "//version"),
        ("GET", "/%76ersion"),
        ("GET", "/version/../docs"),
    ],
)
def test_every_path_asks_who_it_is(peopled: House, method: str, path: str) -> None:
    answer = peopled.client.request(method, ORIGIN + path)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    challenge = answer.headers["www-authenticate"]
    assert challenge == 'Basic realm="Muniment", charset="UTF-8", Bearer realm="Muniment"'


@pytest.mark.parametrize("path", ["/health", "/ready", "/version", "/sign-in"])
def test_a_few_paths_are_open_to_all(peopled: House, path: str) -> None:
    assert peopled.client.get(path).status_code == 200


def test_a_route_that_is_added_or_mounted_later_asks_too(tmp_path: Path) -> None:
    async def answer(scope: object, receive: object, send: object) -> None:
        raise AssertionError

    with house(tmp_path) as served:
        served.person("root", Role.ADMIN)
        served.app.mount("/later", answer)
        assert served.client.get("/later/version").status_code == 401


def test_wrong_credentials_are_refused_where_none_would_do(peopled: House) -> None:
    assert peopled.client.get("/version", headers=bearer("mun_a_b")).status_code == 401
    assert peopled.client.get("/health", headers=bearer("mun_a_b")).status_code == 200


def test_metrics_are_public_if_the_settings_say_so(tmp_path: Path) -> None:
    with house(tmp_path, metrics_public=True) as served:
        served.person("root", Role.ADMIN)
        assert served.client.get("/metrics").status_code == 200


# -- name and password ---------------------------------------------------------------------------


def test_name_and_password_are_who_one_is(peopled: House) -> None:
    auth = peopled.person("ada", Role.VIEWER)
    me = peopled.client.get(ME, auth=auth).json()
    assert (me["name"], me["kind"], me["by"]) == ("ada", "person", "password")
    assert peopled.client.post(MODELS, auth=auth, json={"name": "x"}).status_code == 403
    assert peopled.client.get(MODELS, auth=auth).status_code == 200
    assert peopled.client.get(MODELS, auth=auth).status_code == 200  # remembered


def test_a_password_may_hold_colons_and_any_language(peopled: House) -> None:
    peopled.person("ada")
    fault = peopled.client.get(ME, headers=basic("ada:pä:ß".encode()))
    assert fault.json()["detail"].startswith("Name and password")


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Basic !!!",
        "Basic " + b64encode(b"no-colon").decode(),
        "Basic " + b64encode(b"root:\xff\xfe").decode(),
        "Basic " + b64encode(b"root:").decode(),
        "Basic " + b64encode(b":").decode(),
        "Basic " + b64encode(b"root:" + b"x" * 20_000).decode(),
        "Basic " + b64encode(b"\x00:\x00").decode(),
        "Bearer",
        "Bearer ",
        "Bearer mun_",
        "Bearer mun__",
        "Bearer mun_%00_%00",
        "Bearer eyJhbGciOiJub25lIn0.e30.",
        "Digest username=root",
        "Negotiate abc",
        "root",
    ],
)
def test_what_can_not_be_read_is_refused(peopled: House, authorization: str) -> None:
    answer = peopled.client.get(ME, headers={"Authorization": authorization})
    assert answer.status_code == 401, answer.text
    assert "www-authenticate" in answer.headers


def test_wrong_name_and_wrong_password_look_the_same(peopled: House) -> None:
    peopled.person("gone")
    peopled.owner.administration.set_active("gone", False)
    answers = [
        peopled.client.get(ME, auth=auth).json()
        for auth in (("root", "wrong password"), ("nobody", PASSWORD), ("gone", PASSWORD))
    ]
    for answer in answers:
        answer.pop("request_id")
    assert answers[0] == answers[1] == answers[2]


def test_two_authorization_headers_are_refused(peopled: House) -> None:
    one = basic(f"root:{PASSWORD}".encode())["Authorization"]
    headers = [("Authorization", one), ("Authorization", "Bearer mun_a_b")]
    for both in (headers, headers[::-1]):
        assert peopled.client.get(ME, headers=both).status_code == 400


def test_guessing_is_throttled_for_the_name_and_the_right_password_too(peopled: House) -> None:
    assert peopled.client.get(ME, auth=("root", PASSWORD)).status_code == 200
    for _ in range(5):
        assert peopled.client.get(ME, auth=("root", "wrong password")).status_code == 401
    for password in ("wrong password", PASSWORD):  # also one that is remembered
        answer = peopled.client.get(ME, auth=("root", password))
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) > 0
    peopled.clock.ahead += timedelta(minutes=16)
    assert peopled.client.get(ME, auth=("root", PASSWORD)).status_code == 200


def test_a_changed_password_is_asked_for_at_once(peopled: House) -> None:
    auth = peopled.person("ada", Role.VIEWER)
    assert peopled.client.get(ME, auth=auth).status_code == 200
    once = peopled.owner.administration.reset_password("ada")
    assert peopled.client.get(ME, auth=auth).status_code == 401
    assert peopled.client.get(ME, auth=("ada", once)).json()["must_change"] is True


def test_a_one_time_password_allows_nothing_but_choosing_another(peopled: House) -> None:
    auth = peopled.person("ada", Role.ADMIN, must_change=True)
    for path in (MODELS, "/docs", "/", "/metrics", "/openapi.json", "/api/classic/models"):
        answer = peopled.client.get(path, auth=auth)
        assert (answer.status_code, answer.json()["details"]) == (403, {"must_change": True})
    answer = peopled.client.get("/docs", headers={**peopled.sign_in("ada"), "Accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/password")
    change = {"old": PASSWORD, "new": "another good password"}
    assert peopled.client.post(f"{ME}/password", auth=auth, json=change).status_code == 204
    auth = ("ada", change["new"])
    assert peopled.client.get(MODELS, auth=auth).status_code == 200


# -- tokens --------------------------------------------------------------------------------------


def test_a_token_is_sent_in_several_ways(peopled: House) -> None:
    peopled.person("ada", Role.VIEWER)
    headers = peopled.token("ada")
    text = headers["Authorization"].removeprefix("Bearer ")
    ways: list[dict[str, str]] = [
        headers,
        {"Authorization": f"bearer  {text}"},
        basic(f"ada:{text}".encode()),
        basic(f":{text}".encode()),
        basic(f"token:{text}".encode()),
    ]
    for way in ways:
        me = peopled.client.get(ME, headers=way).json()
        assert (me["name"], me["by"]) == ("ada", "token")


def test_a_token_is_limited_by_its_scopes_and_by_its_user(peopled: House) -> None:
    peopled.person("ada", Role.CONTRIBUTOR)
    reader = peopled.token("ada", scopes=[Grant.of_role(Role.VIEWER)])
    mighty = peopled.token("ada", scopes=[Grant.of_role(Role.ADMIN)])
    assert peopled.client.post(MODELS, headers=reader, json={"name": "x"}).status_code == 403
    assert peopled.client.post(MODELS, headers=mighty, json={"name": "x"}).status_code == 201
    assert peopled.client.get("/api/v1/users", headers=mighty).status_code == 403


def test_a_token_ends_when_it_expires_is_revoked_or_its_user_is_deactivated(
    peopled: House,
) -> None:
    peopled.person("ada", Role.VIEWER)
    expiring = peopled.token("ada", lifetime=timedelta(hours=1))
    revoked, orphaned = peopled.token("ada"), peopled.token("ada")

    def statuses() -> list[int]:
        tokens = (expiring, revoked, orphaned)
        return [peopled.client.get(MODELS, headers=token).status_code for token in tokens]

    assert statuses() == statuses() == [200, 200, 200]
    peopled.owner.administration.revoke_token(revoked["Authorization"].split("_")[1])
    assert statuses() == [200, 401, 200]
    peopled.clock.ahead += timedelta(hours=1)
    assert statuses() == [401, 401, 200]
    peopled.owner.administration.set_active("ada", False)
    assert statuses() == [401, 401, 401]
    peopled.owner.administration.set_active("ada", True)
    assert statuses() == [401, 401, 200]


def test_a_token_with_a_wrong_secret_is_refused_and_audited(peopled: House) -> None:
    text = peopled.token("root")["Authorization"]
    answer = peopled.client.get(ME, headers={"Authorization": text[:-1] + "~"})
    assert answer.status_code == 401
    assert peopled.audited()[-1][0] == "sign_in.failed"


def test_a_service_account_has_tokens_and_no_password(peopled: House) -> None:
    headers = peopled.service("robot", Role.CONTRIBUTOR)
    me = peopled.client.get(ME, headers=headers).json()
    assert (me["kind"], me["automation"]) == ("service", True)
    assert peopled.client.get(ME, auth=("robot", "")).status_code == 401


def test_a_token_can_not_become_more_than_it_is(peopled: House) -> None:
    peopled.person("ada", Role.CONTRIBUTOR)
    headers = peopled.token("ada", scopes=[Grant.of_role(Role.VIEWER)])
    text = headers["Authorization"].removeprefix("Bearer ")
    api = peopled.client
    assert api.post("/api/v1/tokens", headers=headers, json={}).status_code == 403
    signing_in = {"name": "ada", "password": text}
    assert api.post("/api/v1/sessions", json=signing_in).status_code == 401
    change = {"old": text, "new": "another good password"}
    assert api.post(f"{ME}/password", headers=headers, json=change).status_code == 401
    assert api.get(ME, auth=("ada", PASSWORD)).status_code == 200


# -- sessions ------------------------------------------------------------------------------------


def test_a_session_is_a_cookie_that_no_script_and_no_other_site_gets(peopled: House) -> None:
    body = {"name": "root", "password": PASSWORD}
    cookie = peopled.client.post("/api/v1/sessions", json=body).headers["set-cookie"]
    assert cookie.startswith("muniment=")
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/", "max-age=43200"} == attributes


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://127.0.0.1:3000"},
        {"Origin": "http://localhost:8000"},
        {"Origin": "null"},
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"},
        {"Referer": f"{ORIGIN}/docs"},
    ],
    ids=str,
)
def test_a_cookie_changes_nothing_unless_a_page_of_ours_asks(
    peopled: House, headers: dict[str, str]
) -> None:
    cookie = {"Cookie": peopled.sign_in("root")["Cookie"]}
    answer = peopled.client.post(MODELS, headers={**cookie, **headers}, json={"name": "x"})
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    assert peopled.client.get(MODELS, headers=cookie).json()["items"] == []


@pytest.mark.parametrize(
    "headers",
    [{"Origin": ORIGIN}, {"Sec-Fetch-Site": "same-origin"}, {"Origin": ORIGIN.upper()}],
    ids=str,
)
def test_a_cookie_works_for_pages_of_ours(peopled: House, headers: dict[str, str]) -> None:
    cookie = {"Cookie": peopled.sign_in("root")["Cookie"]}
    answer = peopled.client.post(MODELS, headers={**cookie, **headers}, json={"name": "x"})
    assert answer.status_code == 201


def test_credentials_of_a_program_come_before_the_cookie(peopled: House) -> None:
    peopled.person("ada")
    headers = {**peopled.sign_in("root"), **peopled.token("ada")}
    assert peopled.client.get(ME, headers=headers).json()["name"] == "ada"
    assert peopled.client.get(ME, headers={**headers, **bearer("mun_a_b")}).status_code == 401


def test_a_session_ends_by_itself_or_with_its_user_or_password(peopled: House) -> None:
    def status(headers: dict[str, str]) -> int:
        return peopled.client.get(ME, headers=headers).status_code

    peopled.person("ada")
    first, second = peopled.sign_in("ada"), peopled.sign_in("root")
    assert (status(first), status(second)) == (200, 200)
    peopled.owner.administration.set_active("ada", False)
    assert (status(first), status(second)) == (401, 200)
    peopled.owner.administration.reset_password("root")
    assert status(second) == 401
    peopled.person("eve")
    third = peopled.sign_in("eve")
    peopled.clock.ahead += timedelta(hours=12)
    assert status(third) == 401


# -- pages, hosts, proxies -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "location"),
    [
        ("GET", "/", "/sign-in"),
        ("GET", "/docs", "/sign-in?next=%2Fdocs"),
        ("GET", "/api/v1/models?filter=a", "/sign-in?next=%2Fapi%2Fv1%2Fmodels%3Ffilter%3Da"),
        ("POST", "/sign-out", "/sign-in"),
    ],
)
def test_a_browser_is_led_to_the_sign_in_page(
    peopled: House, method: str, path: str, location: str
) -> None:
    html = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    answer = peopled.client.request(method, path, headers=html)
    assert (answer.status_code, answer.headers["location"]) == (303, location)
    wrong = peopled.client.request(method, path, headers={**html, **bearer("mun_a_b")})
    assert wrong.status_code == 401


def test_another_name_is_refused_whoever_asks(peopled: House) -> None:
    headers = {**peopled.token("root"), "Host": "evil.example"}
    assert peopled.client.get(MODELS, headers=headers).status_code == 403
    assert peopled.client.get("/sign-in", headers={"Host": "evil.example"}).status_code == 403


def test_what_only_a_proxy_may_say_is_ignored_from_anybody_else(tmp_path: Path) -> None:
    settings = {"trusted_proxies": ("192.0.2.1",), "proxy_user_header": "X-Forwarded-User"}
    with house(tmp_path, **settings) as served:
        served.person("root", Role.ADMIN)
        headers = {
            "X-Forwarded-User": "root",
            "X-Forwarded-Host": "evil.example",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-For": "198.51.100.7",
        }
        assert served.client.get(ME, headers=headers).status_code == 401
        assert served.client.get("/version", headers=headers).status_code == 200
        served.client.get(ME, auth=("root", "wrong password"), headers=headers)
        (entry,) = served.owner.administration.audit(page_size=1).items
        assert entry.details["address"] == "127.0.0.1"


def test_a_trusted_proxy_names_user_address_scheme_and_host(tmp_path: Path) -> None:
    settings = {
        "trusted_proxies": ("127.0.0.0/8", "10.0.0.0/8"),
        "proxy_user_header": "X-Forwarded-User",
        "allowed_hosts": ("registry.example",),
    }
    with house(tmp_path, **settings) as served:
        api = served.client
        served.person("ada", Role.VIEWER)
        served.service("robot")
        me = api.get(ME, headers={"X-Forwarded-User": "ada"}).json()
        assert (me["name"], me["by"]) == ("ada", "proxy")
        for unknown in ("eve", "robot", "", "ada, root"):
            assert api.get(ME, headers={"X-Forwarded-User": unknown}).status_code == 401
        served.owner.administration.set_active("ada", False)
        assert api.get(ME, headers={"X-Forwarded-User": "ada"}).status_code == 401

        forwarded = {
            "X-Forwarded-For": "203.0.113.9, 198.51.100.7, 10.1.2.3",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": "registry.example",
        }
        api.get(ME, auth=("ada", "wrong password"), headers=forwarded)
        (entry,) = served.owner.administration.audit(page_size=1).items
        assert entry.details["address"] == "198.51.100.7"

        served.person("root", Role.ADMIN)
        body = {"name": "root", "password": PASSWORD}
        answer = api.post("/api/v1/sessions", json=body, headers=forwarded)
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-muniment=")
        assert "; Secure" in cookie
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        plain = cookie.partition(";")[0].removeprefix("__Host-")
        api.cookies.clear()
        assert api.get(ME, headers={**forwarded, "Cookie": plain}).status_code == 401
        other = {**forwarded, "X-Forwarded-Host": "evil.example"}
        assert api.get("/docs", headers=other).status_code == 403


# -- rates, logs ---------------------------------------------------------------------------------


def test_a_caller_in_a_hurry_is_told_to_wait(tmp_path: Path) -> None:
    with house(tmp_path, rate_limit=0.1) as served:  # one request in ten seconds
        served.person("ada", Role.VIEWER)
        ada, robot = served.token("ada"), served.service("robot", Role.VIEWER)
        assert served.client.get(MODELS, headers=ada).status_code == 200
        answer = served.client.get(MODELS, headers=ada)
        assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
        assert 0 < int(answer.headers["retry-after"]) <= 10
        assert served.client.get(MODELS, headers=robot).status_code == 200
        assert served.client.get(MODELS).status_code == 401
        assert served.client.get(MODELS).status_code == 429
        assert served.client.get("/health").status_code == 200


def test_no_secret_is_written_anywhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    secret = "hunter2-hunter2"
    with caplog.at_level(logging.DEBUG), house(tmp_path, access_log=True) as served:
        auth = served.person("root", Role.ADMIN)
        answers = [
            served.client.get(ME, auth=("root", secret)),
            served.client.get(ME, headers=bearer(secret)),
            served.client.get(ME, headers=bearer(f"mun_{'0' * 16}_{secret}")),
            served.client.get(ME, headers={"Cookie": f"muniment={secret}"}),
            served.client.get(ME, headers={"Authorization": secret}),
            served.client.post("/api/v1/sessions", json={"name": "root", "password": [secret]}),
            served.client.post("/api/v1/sessions", json={"name": "root", "password": secret}),
            served.client.post("/api/v1/sessions", json={"name": "root", "password": NUMBER}),
            served.client.post(
                f"{ME}/password", auth=auth, json={"old": {"a": secret}, "new": secret}
            ),
        ]
        answers.append(served.client.get("/metrics", auth=auth))
        entries = served.client.get("/api/v1/audit/export", auth=auth)
    texts = "".join(answer.text for answer in [*answers, entries])
    assert secret not in texts
    assert str(NUMBER) not in texts
    assert secret not in str([record.__dict__ for record in caplog.records])
    assert secret not in "".join(capfd.readouterr())
