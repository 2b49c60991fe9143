"""Signing in through an issuer: the whole way against a real one, and every attack on it."""

from __future__ import annotations

import gzip
import json
import logging
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muniment.errors import ConfigurationError, Unauthenticated, Unavailable
from muniment.server.oidc import Finished, Oidc, local_path
from muniment.server.oidc.fetch import may_be_asked
from muniment.server.oidc.login import SECRET_FILE, kept_secret
from tests.server import issuer as issuers
from tests.server.issuer import AUDIENCE, CLIENT_ID, CLIENT_SECRET, DISCOVERY, JWKS, TOKEN, Issuer

CALLBACK = "http://127.0.0.1:8000/oidc/callback"
OIDC = "muniment.server.oidc"
LONG_AGO, FAR_AHEAD = 1_000_000_000, 4_000_000_000
TEXT = st.text(st.characters())  # with unpaired surrogates, which JSON can hold
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


@pytest.fixture
def running() -> Iterator[tuple[Issuer, Callable[[], None]]]:
    with issuers.running() as it:
        yield it


@pytest.fixture
def issuer(running: tuple[Issuer, Callable[[], None]]) -> Issuer:
    return running[0]


@pytest.fixture
def stop(running: tuple[Issuer, Callable[[], None]]) -> Callable[[], None]:
    return running[1]


@pytest.fixture
def oidc(issuer: Issuer, tmp_path: Path) -> Oidc:
    return make(issuer, tmp_path)


def make(at: Issuer, home: Path, **options: Any) -> Oidc:
    usual = {
        "issuer": at.url,
        "home": home,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "audience": AUDIENCE,
    }
    return Oidc(**{**usual, **options})


def sign_in(oidc: Oidc, issuer: Issuer, next: str = "/") -> Finished:
    begun = oidc.begin(CALLBACK, next)
    return oidc.finish(begun.state_cookie, issuer.visit(begun.url), CALLBACK)


# -- people ------------------------------------------------------------------------------------


def test_a_person_signs_in_and_goes_on_to_where_they_wanted(oidc: Oidc, issuer: Issuer) -> None:
    issuer.person["groups"] = ["ml-approvers", "everybody"]
    finished = sign_in(oidc, issuer, "/models/fraud?tab=files#top")
    assert finished.next == "/models/fraud?tab=files#top"
    identity = finished.identity
    assert (identity.issuer, identity.subject) == (issuer.url, "2482")
    assert (identity.name, identity.display_name) == ("ada", "Ada L.")
    assert identity.groups == ("everybody", "ml-approvers")


def test_a_public_client_signs_in_without_a_secret(issuer: Issuer, tmp_path: Path) -> None:
    issuer.secret = ""
    assert sign_in(make(issuer, tmp_path, client_secret=""), issuer).identity.name == "ada"


def test_each_request_to_the_issuer_has_its_own_state_nonce_and_challenge(oidc: Oidc) -> None:
    begun = [oidc.begin(CALLBACK, "/") for _ in range(2)]
    asked = [parse_qs(urlsplit(b.url).query) for b in begun]
    for name in ("state", "nonce", "code_challenge"):
        assert len({a[name][0] for a in asked}) == 2
    assert asked[0]["code_challenge_method"] == ["S256"]
    assert asked[0]["scope"] == ["openid profile email"]


def test_the_query_of_the_authorization_endpoint_is_kept(oidc: Oidc, issuer: Issuer) -> None:
    endpoint = f"{issuer.url}/authorize?realm=ml"
    issuer.bent_discovery["authorization_endpoint"] = endpoint
    assert oidc.begin(CALLBACK, "/").url.startswith(f"{endpoint}&response_type=code&")


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512", "PS256", "ES256"])
def test_the_algorithms_of_the_field_are_understood(
    oidc: Oidc, issuer: Issuer, algorithm: str
) -> None:
    issuer.rotate("ec" if algorithm == "ES256" else "first", algorithm)
    assert sign_in(oidc, issuer).identity.name == "ada"


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"preferred_username": "ada", "email": "ada@example.org"}, "ada"),
        ({"preferred_username": None, "email": "ada@example.org"}, "ada@example.org"),
        ({"preferred_username": "", "email": ["no text"]}, "2482"),
        ({"preferred_username": "two\nlines"}, "2482"),
    ],
)
def test_the_name_is_the_first_claim_that_can_be_one(
    oidc: Oidc, issuer: Issuer, claims: dict[str, Any], name: str
) -> None:
    issuer.bent_claims = claims
    assert sign_in(oidc, issuer).identity.name == name


def test_the_claims_for_name_and_groups_can_be_named(issuer: Issuer, tmp_path: Path) -> None:
    issuer.person |= {"upn": "ada@corp", "roles": "approver"}
    oidc = make(issuer, tmp_path, name_claim="upn", groups_claim="roles")
    identity = sign_in(oidc, issuer).identity
    assert (identity.name, identity.groups) == ("ada@corp", ("approver",))


def test_groups_that_can_hold_no_grant_are_left_out(oidc: Oidc, issuer: Issuer) -> None:
    issuer.person["groups"] = ["ok", "", "two\nlines", "\ud800", "x" * 501, 7, None, {"a": 1}, "ok"]
    assert sign_in(oidc, issuer).identity.groups == ("ok",)


def test_a_sign_in_can_be_finished_by_another_process(issuer: Issuer, tmp_path: Path) -> None:
    """One with the client's secret, wherever it runs; or one on the same home."""
    for secret, homes in ((CLIENT_SECRET, ("a", "b")), ("", ("c", "c"))):
        issuer.secret = secret
        one, other = (make(issuer, tmp_path / home, client_secret=secret) for home in homes)
        begun = one.begin(CALLBACK, "/models")
        assert other.finish(begun.state_cookie, issuer.visit(begun.url), CALLBACK).next == "/models"


def test_processes_that_start_together_share_one_secret(tmp_path: Path) -> None:
    home = tmp_path / "home"
    barrier = threading.Barrier(8)

    def ask(_: int) -> bytes:
        barrier.wait()
        return kept_secret(home)

    with ThreadPoolExecutor(8) as threads:
        secrets = set(threads.map(ask, range(8)))
    assert len(secrets) == 1
    assert [path.name for path in home.iterdir()] == [SECRET_FILE]
    assert stat.S_IMODE((home / SECRET_FILE).stat().st_mode) == 0o600


def test_a_secret_file_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / SECRET_FILE).write_bytes(b"")
    with pytest.raises(ConfigurationError, match="0 bytes"):
        kept_secret(tmp_path)


# -- attacks on a sign-in ----------------------------------------------------------------------


def test_an_answer_works_once(oidc: Oidc, issuer: Issuer) -> None:
    begun = oidc.begin(CALLBACK, "/")
    answer = issuer.visit(begun.url)
    oidc.finish(begun.state_cookie, answer, CALLBACK)
    with pytest.raises(Unauthenticated):
        oidc.finish(begun.state_cookie, answer, CALLBACK)


def test_a_code_of_another_sign_in_is_refused(oidc: Oidc, issuer: Issuer) -> None:
    """Put into one's own answer: the issuer sees another verifier."""
    mine, theirs = oidc.begin(CALLBACK, "/"), oidc.begin(CALLBACK, "/")
    answer = {**issuer.visit(mine.url), "code": issuer.visit(theirs.url)["code"]}
    with pytest.raises(Unauthenticated):
        oidc.finish(mine.state_cookie, answer, CALLBACK)


def test_the_cookie_of_another_sign_in_does_not_fit(oidc: Oidc, issuer: Issuer) -> None:
    """Somebody sends a victim the link that ends their own sign-in: login CSRF."""
    mine, theirs = oidc.begin(CALLBACK, "/"), oidc.begin(CALLBACK, "/")
    with pytest.raises(Unauthenticated):
        oidc.finish(mine.state_cookie, issuer.visit(theirs.url), CALLBACK)
    assert issuer.asked[TOKEN] == 0


@pytest.mark.parametrize("state", [None, "", "another", "ü", "\ud800"])
def test_an_answer_with_another_state_is_refused(
    oidc: Oidc, issuer: Issuer, state: str | None
) -> None:
    begun = oidc.begin(CALLBACK, "/")
    answer = {k: v for k, v in {**issuer.visit(begun.url), "state": state}.items() if v is not None}
    with pytest.raises(Unauthenticated):
        oidc.finish(begun.state_cookie, answer, CALLBACK)
    assert issuer.asked[TOKEN] == 0


def test_a_cookie_with_any_character_changed_is_refused(oidc: Oidc, issuer: Issuer) -> None:
    begun = oidc.begin(CALLBACK, "/")
    answer = issuer.visit(begun.url)
    cookie = begun.state_cookie
    changed = [
        cookie[:i] + ("A" if cookie[i] != "A" else "B") + cookie[i + 1 :]
        for i in range(len(cookie))
    ]
    for bad in (*changed, "", ".", cookie + "A", cookie * 50, "ü." + cookie, cookie.split(".")[0]):
        with pytest.raises(Unauthenticated):
            oidc.finish(bad, answer, CALLBACK)
    assert issuer.asked[TOKEN] == 0
    assert oidc.finish(cookie, answer, CALLBACK)


@pytest.mark.parametrize(
    "other", [{"client_secret": "another one, 0123456789"}, {"client_id": "another"}]
)
def test_a_cookie_of_another_registry_is_refused(
    oidc: Oidc, issuer: Issuer, tmp_path: Path, other: dict[str, str]
) -> None:
    begun = make(issuer, tmp_path, **other).begin(CALLBACK, "/")
    with pytest.raises(Unauthenticated):
        oidc.finish(begun.state_cookie, {"state": "x", "code": "y"}, CALLBACK)


def test_a_cookie_is_for_one_redirect_uri(oidc: Oidc, issuer: Issuer) -> None:
    begun = oidc.begin(CALLBACK, "/")
    with pytest.raises(Unauthenticated):
        oidc.finish(begun.state_cookie, issuer.visit(begun.url), "https://elsewhere.example/cb")
    assert issuer.asked[TOKEN] == 0


def test_a_cookie_does_not_last(
    oidc: Oidc, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{OIDC}.login.LIFETIME", 0)
    begun = oidc.begin(CALLBACK, "/")
    with pytest.raises(Unauthenticated):
        oidc.finish(begun.state_cookie, issuer.visit(begun.url), CALLBACK)


def test_a_cookie_does_not_show_the_verifier_or_the_nonce(oidc: Oidc, issuer: Issuer) -> None:
    forms: list[dict[str, str]] = []
    redeem = issuer.redeem
    issuer.redeem = lambda form, auth: (forms.append(form), redeem(form, auth))[1]  # type: ignore[method-assign]
    begun = oidc.begin(CALLBACK, "/")
    oidc.finish(begun.state_cookie, issuer.visit(begun.url), CALLBACK)
    assert forms[0]["code_verifier"] not in begun.state_cookie
    assert forms[0]["code_verifier"] not in begun.url


@pytest.mark.parametrize("iss", ["https://evil.example", "", "x"])
def test_an_answer_of_another_issuer_is_refused(oidc: Oidc, issuer: Issuer, iss: str) -> None:
    """Mix-up (RFC 9207): the code would go to the wrong issuer. An empty one is left out."""
    issuer.bent_answer = {"iss": iss}
    with pytest.raises(Unauthenticated):
        sign_in(oidc, issuer)
    assert issuer.asked[TOKEN] == 0


def test_an_issuer_that_never_names_itself_need_not(oidc: Oidc, issuer: Issuer) -> None:
    issuer.bent_discovery["authorization_response_iss_parameter_supported"] = False
    issuer.bent_answer = {"iss": ""}
    assert sign_in(oidc, issuer)


@pytest.mark.parametrize(
    "bent",
    [{"error": "access_denied"}, {"error": "server_error", "code": ""}, {"code": "x" * 5000}],
)
def test_an_answer_without_a_usable_code_is_refused(
    oidc: Oidc, issuer: Issuer, bent: dict[str, str]
) -> None:
    issuer.bent_answer = bent
    with pytest.raises(Unauthenticated):
        sign_in(oidc, issuer)
    assert issuer.asked[TOKEN] == 0


@pytest.mark.parametrize(
    "bent",
    [
        {"nonce": None},
        {"nonce": "another"},
        {"nonce": ["x"]},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "another"},
        {"aud": None},
        {"aud": []},
        {"aud": [CLIENT_ID, "another"]},
        {"aud": [CLIENT_ID, "another"], "azp": "another"},
        {"azp": "another"},
        {"exp": LONG_AGO},
        {"exp": None},
        {"exp": "soon"},
        {"nbf": FAR_AHEAD},
        {"iat": FAR_AHEAD},
        {"iat": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "two\nlines"},
        {"sub": "x" * 256},
        {"sub": " "},
    ],
    ids=str,
)
def test_an_id_token_with_wrong_claims_is_refused(
    oidc: Oidc, issuer: Issuer, bent: dict[str, Any]
) -> None:
    issuer.bent_claims = bent
    with pytest.raises(Unauthenticated) as caught:
        sign_in(oidc, issuer)
    assert str(caught.value) == (
        "This sign-in through the issuer is not valid. "
        "Sign in again; the server's log says more (at level info)."
    )


@pytest.mark.parametrize("azp", [None, CLIENT_ID])
def test_an_id_token_may_name_its_one_audience_in_a_list(
    oidc: Oidc, issuer: Issuer, azp: str | None
) -> None:
    issuer.bent_claims = {"aud": [CLIENT_ID], "azp": azp}
    assert sign_in(oidc, issuer)


def test_an_id_token_for_several_names_whom_it_was_made_for(oidc: Oidc, issuer: Issuer) -> None:
    issuer.bent_claims = {"aud": [CLIENT_ID, "another"], "azp": CLIENT_ID}
    assert sign_in(oidc, issuer)


def test_an_id_token_is_checked_as_every_token_is(oidc: Oidc, issuer: Issuer) -> None:
    issuer.id_token = lambda claims: issuers.unsigned(claims, {"alg": "none"})
    with pytest.raises(Unauthenticated):
        sign_in(oidc, issuer)


@pytest.mark.parametrize(
    "next",
    [
        "https://evil.example",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/ok\r\nSet-Cookie: a=b",
        "\t//evil.example",
        " //evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "models",
        "",
        "/a b",
        "/\x00",
        "/\u2028",
        "/\ud800",
        "/" + "x" * 1000,
    ],
)
def test_nobody_is_sent_elsewhere_after_a_sign_in(oidc: Oidc, issuer: Issuer, next: str) -> None:
    assert local_path(next) == "/"
    assert sign_in(oidc, issuer, next).next == "/"


@pytest.mark.parametrize("next", ["/", "/models/a%2Fb?x=1&y=//z#top", "/" + "x" * 999])
def test_paths_of_this_server_are_kept(next: str) -> None:
    assert local_path(next) == next


# -- machines ----------------------------------------------------------------------------------


def test_a_machine_signs_in_by_its_token(oidc: Oidc, issuer: Issuer) -> None:
    identity = oidc.bearer(issuer.sign(issuer.machine()))
    assert identity.key == f"{issuer.url}|repo:octo/fraud:ref:refs/heads/main"
    assert identity.name == "repo:octo/fraud:ref:refs/heads/main"
    assert identity.groups == ()


def test_an_issuer_for_machines_alone_needs_no_endpoints_for_people(
    issuer: Issuer, tmp_path: Path
) -> None:
    issuer.bent_discovery = {"authorization_endpoint": None, "token_endpoint": None}
    oidc = make(issuer, tmp_path, client_id="", client_secret="")
    assert oidc.bearer(issuer.sign(issuer.machine()))
    for without in (oidc, make(issuer, tmp_path)):
        with pytest.raises(ConfigurationError, match="People can't sign in"):
            without.begin(CALLBACK, "/")
    assert list(tmp_path.iterdir()) == []


def test_without_an_audience_no_machine_signs_in(issuer: Issuer, tmp_path: Path) -> None:
    oidc = make(issuer, tmp_path, audience="")
    for audience in (None, "", [""], CLIENT_ID, AUDIENCE):
        with pytest.raises(Unauthenticated):
            oidc.bearer(issuer.sign(issuer.machine(aud=audience)))


@pytest.mark.parametrize(
    "bent",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": CLIENT_ID},
        {"aud": None},
        {"aud": AUDIENCE + "/"},
        {"exp": LONG_AGO},
        {"exp": None},
        {"nbf": FAR_AHEAD},
        {"sub": None},
    ],
    ids=str,
)
def test_a_machines_token_with_wrong_claims_is_refused(
    oidc: Oidc, issuer: Issuer, bent: dict[str, Any]
) -> None:
    with pytest.raises(Unauthenticated):
        oidc.bearer(issuer.sign(issuer.machine(**bent)))


def test_clocks_may_differ_by_some_seconds(oidc: Oidc, issuer: Issuer) -> None:
    now = int(time.time())
    assert oidc.bearer(issuer.sign(issuer.machine(exp=now - 5)))
    assert oidc.bearer(issuer.sign(issuer.machine(nbf=now + 15, iat=now + 15)))


@pytest.mark.parametrize("typ", [None, "JWT", "jwt", "at+jwt", "application/at+jwt"])
def test_kinds_of_access_tokens_are_accepted(oidc: Oidc, issuer: Issuer, typ: str | None) -> None:
    assert oidc.bearer(issuer.sign(issuer.machine(), typ=typ))


@pytest.mark.parametrize("typ", ["logout+jwt", "dpop+jwt", "JWE", 7])
def test_other_things_that_the_issuer_signs_are_refused(
    oidc: Oidc, issuer: Issuer, typ: object
) -> None:
    with pytest.raises(Unauthenticated):
        oidc.bearer(issuer.sign(issuer.machine(), typ=typ))


def test_a_token_signed_by_another_key_is_refused(oidc: Oidc, issuer: Issuer) -> None:
    claims = issuer.machine()
    with issuers.running() as (evil, _):
        evil.keys = {"first": ("RS256", issuers.rsa_key("evil"))}
        with pytest.raises(Unauthenticated):
            oidc.bearer(evil.sign(claims))
        assert evil.asked.total() == 0


def test_a_token_with_claims_changed_after_signing_is_refused(oidc: Oidc, issuer: Issuer) -> None:
    header, _, signature = issuer.sign(issuer.machine()).split(".")
    _, payload, _ = issuer.sign(issuer.machine(sub="repo:octo/other")).split(".")
    with pytest.raises(Unauthenticated):
        oidc.bearer(f"{header}.{payload}.{signature}")


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", ""])
def test_a_token_without_signature_is_refused(oidc: Oidc, issuer: Issuer, algorithm: str) -> None:
    token = issuers.unsigned(issuer.machine(), {"alg": algorithm, "kid": "first"})
    for text in (token, token + "AAAA", token[:-1]):
        with pytest.raises(Unauthenticated):
            oidc.bearer(text)


def test_a_token_signed_by_hmac_with_the_public_key_is_refused(oidc: Oidc, issuer: Issuer) -> None:
    public = issuers.rsa_key("first").public_key()
    jwk = issuer.jwks()["keys"][0]
    for secret in (
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        json.dumps(jwk).encode(),
        jwk["n"].encode(),
        CLIENT_SECRET.encode(),
        b"",
    ):
        for header in ({"alg": "HS256", "kid": "first"}, {"alg": "RS256", "kid": "first"}):
            with pytest.raises(Unauthenticated):
                oidc.bearer(issuers.signed_by_hmac(issuer.machine(), header, secret))


def test_a_symmetric_key_among_the_published_ones_is_no_key(oidc: Oidc, issuer: Issuer) -> None:
    issuer.more_keys = [{"kty": "oct", "kid": "oct", "k": "c2VjcmV0"}]
    for algorithm in ("HS256", "RS256"):
        header = {"alg": algorithm, "kid": "oct"}
        with pytest.raises(Unauthenticated):
            oidc.bearer(issuers.signed_by_hmac(issuer.machine(), header, b"secret"))


@pytest.mark.parametrize("where", ["jku", "x5u", "jwk", "x5c"])
def test_a_key_that_a_token_brings_along_is_not_looked_at(
    oidc: Oidc, issuer: Issuer, where: str
) -> None:
    with issuers.running() as (evil, _):
        evil.keys = {"evil": ("RS256", issuers.rsa_key("evil"))}
        brought = {"jku": evil.url + JWKS, "x5u": evil.url + JWKS, "x5c": ["MII"]}
        header = {where: brought.get(where, evil.jwks()["keys"][0])}
        with pytest.raises(Unauthenticated):
            oidc.bearer(evil.sign(issuer.machine(), **header))
        assert evil.asked.total() == 0


def test_a_critical_extension_is_not_ignored(oidc: Oidc, issuer: Issuer) -> None:
    with pytest.raises(Unauthenticated):
        oidc.bearer(issuer.sign(issuer.machine(), crit=["exp"], exp=1))


def test_a_short_rsa_key_is_refused(oidc: Oidc, issuer: Issuer) -> None:
    issuer.keys = {"short": ("RS256", issuers.rsa_key("short", 1024))}
    with pytest.warns(match="below the minimum"):
        token = issuer.sign(issuer.machine())
    with pytest.raises(Unauthenticated):
        oidc.bearer(token)


@pytest.mark.parametrize("field", [{"use": "enc"}, {"alg": "RS512"}, {"key_ops": ["encrypt"]}])
def test_a_key_for_something_else_does_not_count(
    oidc: Oidc, issuer: Issuer, field: dict[str, Any]
) -> None:
    jwk = issuer.jwks()["keys"][0]
    issuer.more_keys = [{**jwk, "kid": "other", **field}]
    with pytest.raises(Unauthenticated):
        oidc.bearer(issuer.sign(issuer.machine(), kid="other"))


def test_a_token_that_names_no_key_is_checked_by_the_only_one(
    oidc: Oidc, issuer: Issuer, tmp_path: Path
) -> None:
    issuer.keys = {"": issuer.keys["first"]}
    token = issuer.sign(issuer.machine())
    assert oidc.bearer(token)
    issuer.more_keys = [{**issuer.jwks()["keys"][0], "kid": "same kind"}]
    with pytest.raises(Unauthenticated):
        make(issuer, tmp_path).bearer(token)


@pytest.mark.parametrize(
    "junk",
    [
        7,
        {},
        {"kty": "RSA", "kid": "junk"},
        {"kty": "RSA", "kid": "junk", "n": 7, "e": []},
        {"kty": "RSA", "kid": "junk", "n": "!", "e": ""},
        {"kty": "RSA", "kid": "junk", "n": "ü", "e": "AQAB", "d": {}},
        {"kty": "EC", "kid": "junk", "crv": "P-256", "x": "AAAA", "y": None},
        {"kty": "EC", "kid": "junk", "crv": "P-256", "x": "A" * 43, "y": "A" * 43},
        {"kty": ["RSA"], "kid": {"a": 1}},
    ],
    ids=str,
)
def test_junk_among_the_keys_hurts_nobody_but_itself(
    oidc: Oidc, issuer: Issuer, junk: object
) -> None:
    issuer.more_keys = [junk]
    assert oidc.bearer(issuer.sign(issuer.machine()))
    for algorithm in ("RS256", "ES256"):
        header = {"alg": algorithm, "kid": "junk"}
        with pytest.raises(Unauthenticated):
            oidc.bearer(issuers.signed_by_hmac(issuer.machine(), header, b"x"))


UNLIKELY = settings(
    max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


@UNLIKELY
@given(text=TEXT | st.from_regex(r"[\w-]+\.[\w-]+\.[\w-]*", fullmatch=True))
def test_any_text_in_a_tokens_place_is_refused(oidc: Oidc, text: str) -> None:
    with pytest.raises(Unauthenticated):
        oidc.bearer(text)


@UNLIKELY
@given(
    header=st.dictionaries(
        st.sampled_from(["alg", "kid", "typ", "crit", "b64", "cty", "zip"]), JSON
    )
)
def test_any_header_is_refused(oidc: Oidc, issuer: Issuer, header: dict[str, Any]) -> None:
    for given_header in (header, {"alg": "RS256", "kid": "first", **header}):
        with pytest.raises(Unauthenticated):
            oidc.bearer(issuers.signed_by_hmac(issuer.machine(), given_header, b"x"))


@UNLIKELY
@given(
    bent=st.dictionaries(
        st.sampled_from(
            ["iss", "aud", "sub", "exp", "nbf", "iat", "jti", "groups", "email", "name"]
        ),
        JSON,
    )
)
def test_any_claims_make_an_identity_or_are_refused(
    oidc: Oidc, issuer: Issuer, bent: dict[str, Any]
) -> None:
    issuer.rotate("ec")
    token = issuer.sign({**issuer.machine(), **bent})
    try:
        identity = oidc.bearer(token)
    except Unauthenticated:
        assert bent
        return
    assert identity.issuer == issuer.url
    assert all(group.encode() for group in identity.groups)
    assert identity.name
    assert identity.name.isprintable()


def test_a_huge_token_is_not_looked_at(oidc: Oidc, issuer: Issuer) -> None:
    with pytest.raises(Unauthenticated):
        oidc.bearer(issuer.sign(issuer.machine(filler="x" * 100_000)))
    assert issuer.asked.total() == 0


# -- keys that change --------------------------------------------------------------------------


def test_documents_are_fetched_once(oidc: Oidc, issuer: Issuer) -> None:
    for _ in range(5):
        oidc.bearer(issuer.sign(issuer.machine()))
    sign_in(oidc, issuer)
    assert (issuer.asked[DISCOVERY], issuer.asked[JWKS]) == (1, 1)


def test_a_new_key_of_the_issuer_works_at_once_and_the_old_one_no_more(
    oidc: Oidc, issuer: Issuer
) -> None:
    old = issuer.sign(issuer.machine())
    oidc.bearer(old)
    issuer.rotate("second")
    assert oidc.bearer(issuer.sign(issuer.machine()))
    with pytest.raises(Unauthenticated):
        oidc.bearer(old)


def test_a_key_that_is_withdrawn_counts_until_the_documents_are_fetched_anew(
    oidc: Oidc, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = issuer.sign(issuer.machine())
    oidc.bearer(old)
    issuer.rotate("second")
    assert oidc.bearer(old)
    monkeypatch.setattr(f"{OIDC}.issuer.FRESH", 0.0)
    with pytest.raises(Unauthenticated):
        oidc.bearer(old)


def test_a_flood_of_unknown_keys_is_not_passed_on_to_the_issuer(oidc: Oidc, issuer: Issuer) -> None:
    good = issuer.sign(issuer.machine())
    oidc.bearer(good)

    def ask(n: int) -> bool:
        with pytest.raises(Unauthenticated):
            oidc.bearer(issuer.sign(issuer.machine(), kid=f"unknown-{n}"))
        return oidc.bearer(good) is not None

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(ask, range(40)))
    assert issuer.asked[JWKS] == 2


def test_unknown_keys_are_looked_for_again_after_a_while(
    oidc: Oidc, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{OIDC}.issuer.UNKNOWN_KEY", 0.0)
    for kid in ("second", "third", "fourth"):
        issuer.rotate(kid)
        assert oidc.bearer(issuer.sign(issuer.machine()))


def test_known_keys_work_for_a_while_without_the_issuer(
    oidc: Oidc, issuer: Issuer, stop: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    token = issuer.sign(issuer.machine())
    oidc.bearer(token)
    stop()
    monkeypatch.setattr(f"{OIDC}.issuer.FRESH", 0.0)
    assert oidc.bearer(token)
    assert oidc.bearer(token)
    monkeypatch.setattr(f"{OIDC}.issuer.USABLE", 0.0)
    with pytest.raises(Unavailable):
        oidc.bearer(token)


def test_many_threads_fetch_once(oidc: Oidc, issuer: Issuer) -> None:
    token = issuer.sign(issuer.machine())
    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(lambda _: oidc.bearer(token), range(16)))) == 1
    assert issuer.asked[JWKS] == 1


# -- an issuer that does not do its part -------------------------------------------------------


def broken(issuer: Issuer, oidc: Oidc, path: str, how: Callable[[Any], None]) -> None:
    """Sign in with an issuer that answers so on one path; it can't be used."""
    issuer.broken[path] = how
    with pytest.raises(Unavailable) as caught:
        sign_in(oidc, issuer)
    assert caught.value.hint.startswith("Try again in a minute")


def good(issuer: Issuer) -> dict[str, Any]:
    """What each path answers when it is in order."""
    return {DISCOVERY: issuer.discovery(), JWKS: issuer.jwks(), TOKEN: {"id_token": "x.y.z"}}


PATHS = pytest.mark.parametrize("path", [DISCOVERY, JWKS, TOKEN])


@PATHS
def test_a_redirect_of_the_issuer_is_not_followed(oidc: Oidc, issuer: Issuer, path: str) -> None:
    with issuers.running() as (other, _):
        broken(issuer, oidc, path, lambda answer: answer.redirect(other.url + path))
        assert other.asked.total() == 0


@PATHS
def test_a_huge_document_is_not_read_to_its_end(oidc: Oidc, issuer: Issuer, path: str) -> None:
    sent = 0

    def pour(answer: Any) -> None:
        nonlocal sent
        answer.send_response(200)
        answer.end_headers()
        for _ in range(200):
            sent += answer.wfile.write(b" " * 1024 * 1024)

    broken(issuer, oidc, path, pour)
    assert sent < 200 * 1024 * 1024


@PATHS
def test_a_document_that_would_grow_by_being_unpacked_is_not_unpacked(
    oidc: Oidc, issuer: Issuer, path: str
) -> None:
    packed = gzip.compress(json.dumps(good(issuer)[path]).encode())
    broken(issuer, oidc, path, lambda a: a.send_bytes(200, packed, Content_Encoding="gzip"))


@PATHS
@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b"7", b"[" * 100_000, b"{}", b"\xff"])
def test_an_answer_that_is_no_document_is_not_used(
    oidc: Oidc, issuer: Issuer, path: str, body: bytes
) -> None:
    broken(issuer, oidc, path, lambda answer: answer.send_bytes(200, body))


@PATHS
@pytest.mark.parametrize("status", [204, 401, 403, 404, 500, 503])
def test_an_error_of_the_issuer_is_not_used(
    oidc: Oidc, issuer: Issuer, path: str, status: int
) -> None:
    document = good(issuer)[path]
    broken(issuer, oidc, path, lambda answer: answer.send_json(status, document))


@PATHS
def test_an_issuer_that_says_nothing_is_not_waited_for(
    oidc: Oidc, issuer: Issuer, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{OIDC}.fetch.TIMEOUT", 0.1)
    end = threading.Event()
    try:
        broken(issuer, oidc, path, lambda _: end.wait(60) and None)
    finally:
        end.set()


def test_an_issuer_that_trickles_is_not_waited_for(
    oidc: Oidc, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{OIDC}.fetch.DEADLINE", 0.1)
    end = threading.Event()

    def trickle(answer: Any) -> None:
        answer.send_response(200)
        answer.end_headers()
        while not end.wait(0.02):
            answer.wfile.write(b" ")

    try:
        broken(issuer, oidc, DISCOVERY, trickle)
    finally:
        end.set()


def test_an_issuer_that_is_not_there_is_not_asked_with_every_request(
    oidc: Oidc, issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    issuer.broken[DISCOVERY] = lambda answer: answer.send_json(503, {})
    for _ in range(5):
        with pytest.raises(Unavailable):
            oidc.bearer(issuer.sign(issuer.machine()))
    assert issuer.asked[DISCOVERY] == 1
    assert caplog.text.count("status 503") == 1


@pytest.mark.parametrize(
    "bent",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"jwks_uri": None},
        {"jwks_uri": 7},
        {"jwks_uri": "http://example.org/jwks"},
        {"jwks_uri": "file:///etc/passwd"},
        {"token_endpoint": "http://example.org/token"},
        {"token_endpoint": "http://127.0.0.1:port/"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "https://user@example.org/"},
        {"authorization_endpoint": "https://example.org/#fragment"},
        {"authorization_endpoint": "https://example.org/\r\nX: y"},
        {"authorization_endpoint": "https://[::1/"},
    ],
    ids=str,
)
def test_a_discovery_document_with_wrong_addresses_is_not_used(
    oidc: Oidc, issuer: Issuer, bent: dict[str, Any]
) -> None:
    issuer.bent_discovery = bent
    with pytest.raises(Unavailable):
        oidc.begin(CALLBACK, "/")


def test_with_an_issuer_elsewhere_this_machine_is_not_asked_in_clear_text() -> None:
    assert may_be_asked("https://idp.example/x", http_on_loopback=False)
    assert not may_be_asked("http://127.0.0.1/x", http_on_loopback=False)


def test_a_wrong_client_secret_is_the_operators_matter(
    oidc: Oidc, issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    issuer.secret = "another"
    with pytest.raises(Unavailable):
        sign_in(oidc, issuer)
    assert "is the client's secret right?" in caplog.text
    assert CLIENT_SECRET not in caplog.text


def test_the_log_says_why_and_no_token_stands_in_it(
    oidc: Oidc, issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "muniment")
    token = issuer.sign(issuer.machine(aud="another"))
    with pytest.raises(Unauthenticated):
        oidc.bearer(token)
    assert "Audience doesn't match" in caplog.text
    assert token.split(".")[2] not in caplog.text


# -- how it is set up --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bent",
    [
        {"issuer": "http://idp.example"},
        {"issuer": "idp.example"},
        {"issuer": ""},
        {"issuer": "https://idp.example/?tenant=a"},
        {"issuer": "https://idp.example/#a"},
        {"issuer": "https://idp.example/a|b"},
        {"issuer": "https://user:password@idp.example"},
        {"scopes": ("profile",)},
        {"client_secret": "short"},
    ],
    ids=str,
)
def test_a_setting_that_can_t_work_is_refused_at_the_start(
    issuer: Issuer, tmp_path: Path, bent: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        make(issuer, tmp_path, **bent)
    assert "short" not in str(caught.value)


@pytest.mark.parametrize("module", ["jwt", "cryptography"])
def test_without_the_extra_it_says_what_to_install(
    issuer: Issuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigurationError) as caught:
        make(issuer, tmp_path)
    assert 'pip install "muniment[oidc]"' in caught.value.hint
