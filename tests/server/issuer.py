"""A little OpenID Connect issuer on loopback: whoever asks is signed in as one person at once.

Everything that a real one checks is checked (client, redirect URI, PKCE, codes work once), and
everything that it says can be bent, for what a hostile or broken one would say.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import threading
import time
from base64 import b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cache, partial
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from jwt.api_jws import PyJWS

Claims = dict[str, Any]
CLIENT_ID = "muniment"
CLIENT_SECRET = "of/the client: 0123456789abcdef"
AUDIENCE = "https://registry.example"
DISCOVERY, JWKS, TOKEN = "/.well-known/openid-configuration", "/jwks", "/token"


@cache
def rsa_key(kid: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    """A key that is made once in a run of tests, since that takes long."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@cache
def ec_key(kid: str) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


class Issuer:
    """What the tests see of it, and what they may change while it runs."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.secret = CLIENT_SECRET  # "": the client is public
        self.person: Claims = {"sub": "2482", "preferred_username": "ada", "name": "Ada L."}
        self.bent_claims: Claims = {}  # None: the ID token lacks it
        self.bent_discovery: dict[str, Any] = {}
        self.bent_answer: dict[str, str] = {}
        self.id_token: Callable[[Claims], str] = self.sign
        self.broken: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
        self.asked: Counter[str] = Counter()
        self.keys: dict[str, tuple[str, Any]] = {"first": ("RS256", rsa_key("first"))}
        self.more_keys: list[Any] = []
        self._codes: dict[str, dict[str, str]] = {}

    # -- what it signs -------------------------------------------------------------------------

    def rotate(self, kid: str, algorithm: str = "ES256") -> None:
        """Sign with another key from now on, and publish it alone."""
        key = ec_key(kid) if algorithm.startswith("ES") else rsa_key(kid)
        self.keys = {kid: (algorithm, key)}

    def sign(self, claims: Mapping[str, Any], **header: Any) -> str:
        kid, (algorithm, key) = next(iter(self.keys.items()))
        return PyJWS().encode(
            json.dumps(dict(claims)).encode(),
            key,
            algorithm,
            headers={"kid": kid, **header} if kid else header,
        )

    def machine(self, **bent: Any) -> Claims:
        """The claims of a machine's token for this registry; None leaves one out."""
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "repo:octo/fraud:ref:refs/heads/main",
            "iat": now,
            "nbf": now,
            "exp": now + 300,
            **bent,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def jwks(self) -> dict[str, Any]:
        keys = []
        for kid, (algorithm, key) in self.keys.items():
            kind = ECAlgorithm if algorithm.startswith("ES") else RSAAlgorithm
            jwk = kind.to_jwk(key.public_key(), as_dict=True)
            keys.append({**jwk, **({"kid": kid} if kid else {}), "use": "sig"})
        return {"keys": [*self.more_keys, *keys]}

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": self.url + TOKEN,
            "jwks_uri": self.url + JWKS,
            "authorization_response_iss_parameter_supported": True,
            **self.bent_discovery,
        }

    # -- what a browser does -------------------------------------------------------------------

    def visit(self, url: str) -> dict[str, str]:
        """Follow a browser to the issuer; return the query of its redirect back."""
        place = urlsplit(url)
        connection = HTTPConnection(place.netloc)
        with closing(connection):
            connection.request("GET", f"{place.path}?{place.query}")
            response = connection.getresponse()
            assert response.status == 302
            answer = dict(parse_qsl(urlsplit(response.headers["location"]).query))
        return {k: v for k, v in {**answer, **self.bent_answer}.items() if v}

    # -- what it answers -----------------------------------------------------------------------

    def authorize(self, asked: dict[str, str]) -> str:
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT_ID
        assert "openid" in asked["scope"].split()
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        answer = urlencode({"code": code, "state": asked["state"], "iss": self.url})
        return f"{asked['redirect_uri']}?{answer}"

    def redeem(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        if not self._knows_client(form, authorization):
            return 401, {"error": "invalid_client"}
        asked = self._codes.pop(form.get("code", ""), None)
        verifier = form.get("code_verifier", "")
        if (
            asked is None
            or form.get("grant_type") != "authorization_code"
            or form.get("redirect_uri") != asked["redirect_uri"]
            or not 43 <= len(verifier) <= 128
            or _b64(hashlib.sha256(verifier.encode()).digest()) != asked["code_challenge"]
        ):
            return 400, {"error": "invalid_grant"}
        claims = {**self.machine(aud=CLIENT_ID, nonce=asked["nonce"]), **self.person}
        bent = {k: v for k, v in {**claims, **self.bent_claims}.items() if v is not None}
        return 200, {
            "access_token": "opaque",
            "token_type": "Bearer",
            "id_token": self.id_token(bent),
        }

    def _knows_client(self, form: dict[str, str], authorization: str) -> bool:
        if not self.secret:
            return not authorization and form.get("client_id") == CLIENT_ID
        text = b64decode(authorization.removeprefix("Basic ")).decode()
        return [unquote_plus(part) for part in text.split(":")] == [CLIENT_ID, self.secret]


class _Answers(BaseHTTPRequestHandler):
    def __init__(self, issuer: Issuer, *args: Any) -> None:
        self._issuer = issuer
        super().__init__(*args)

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if self._begins_well(path):
            if path == DISCOVERY:
                self.send_json(200, self._issuer.discovery())
            elif path == JWKS:
                self.send_json(200, self._issuer.jwks())
            elif path == "/authorize":
                self.redirect(self._issuer.authorize(dict(parse_qsl(query))))
            else:
                self.send_json(404, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        if self._begins_well(self.path):
            authorization = self.headers.get("authorization", "")
            self.send_json(*self._issuer.redeem(dict(parse_qsl(body)), authorization))

    def _begins_well(self, path: str) -> bool:
        self._issuer.asked[path] += 1
        if path in self._issuer.broken:
            self._issuer.broken[path](self)
            return False
        return True

    def send_json(self, status: int, document: Any) -> None:
        self.send_bytes(status, json.dumps(document).encode())

    def send_bytes(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def redirect(self, url: str) -> None:
        self.send_response(302)
        self.send_header("Location", url)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the tests count what was asked."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: that clients go away early is what some tests are about."""


@contextmanager
def running() -> Iterator[tuple[Issuer, Callable[[], None]]]:
    """Run an issuer; yield it, and what stops it early."""
    issuer = Issuer("")
    with _Server(("127.0.0.1", 0), partial(_Answers, issuer)) as server:
        issuer.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.01))
        thread.start()

        def stop() -> None:
            server.shutdown()
            server.server_close()

        try:
            yield issuer, stop
        finally:
            server.shutdown()
            thread.join()


def unsigned(claims: Claims, header: Mapping[str, Any]) -> str:
    """A token with any header and no signature."""
    return f"{_part(header)}.{_part(claims)}."


def signed_by_hmac(claims: Claims, header: Mapping[str, Any], secret: bytes) -> str:
    """A token whose signature anybody can make who has `secret`."""
    text = f"{_part(header)}.{_part(claims)}"
    return f"{text}.{_b64(hmac.digest(secret, text.encode(), 'sha256'))}"


def _part(value: Mapping[str, Any]) -> str:
    return _b64(json.dumps(dict(value)).encode())


def _b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
