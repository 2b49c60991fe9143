"""The two ways in: a person by authorisation code with PKCE, a machine by a JWT.

browser            this server                                issuer
   │ ── /oidc/start ──> begin                                    │
   │ <── redirect, cookie ──┘                                    │
   │ ── state, nonce, challenge ───────────────────────────────> │  signs the person in
   │ <────────────────────────────── redirect with state, code ──┤
   │ ── callback, cookie ─> finish ── code, verifier ──────────> │
   │                            │ <── ID token with the nonce ───┤
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final
from urllib.parse import quote_plus, urlencode

from muniment.domain.values import JsonObject
from muniment.errors import ConfigurationError
from muniment.server.oidc.fetch import fetch, may_be_asked, unavailable
from muniment.server.oidc.issuer import Issuer
from muniment.server.oidc.login import Login, kept_secret, known_login, login_key, new_login
from muniment.server.oidc.tokens import identity, refused, require_extra, verified
from muniment.services.access.access import Identity

MIN_SECRET_CHARS: Final = 16
_MAX_CODE_CHARS: Final = 4_096


@dataclass(frozen=True, slots=True)
class Begun:
    """Where to send the browser, and the cookie that it must bring back."""

    url: str
    state_cookie: str


@dataclass(frozen=True, slots=True)
class Finished:
    """Who signed in, and the path of this server to go on to."""

    identity: Identity
    next: str


class Oidc:
    """An OpenID Connect issuer that this registry trusts. Threads share it.

    Args:
        issuer: its URL, to the letter as in the `iss` of its tokens.
        home: the registry's folder; for a client without secret, the key of the cookies is here.
        client_id: what the issuer knows this registry as; without it no person signs in this way.
        client_secret: empty for a public client.
        audience: what the `aud` of machines' JWTs must be (or hold); without it none is accepted.
        name_claim: the claim with somebody's name; `email`, then `sub`, where it is missing.
        groups_claim: the claim with the list of somebody's groups.
        scopes: what is asked for when a person signs in.

    Raises:
        ConfigurationError: a value can't be used, or the extra `oidc` is not installed.
    """

    def __init__(
        self,
        *,
        issuer: str,
        home: Path,
        client_id: str = "",
        client_secret: str = "",
        audience: str = "",
        name_claim: str = "preferred_username",
        groups_claim: str = "groups",
        scopes: tuple[str, ...] = ("openid", "profile", "email"),
    ) -> None:
        require_extra()
        if not may_be_asked(issuer, http_on_loopback=True) or "?" in issuer or "|" in issuer:
            raise ConfigurationError(
                f"{issuer!r:.200} can't be an OIDC issuer.",
                hint="Write its https URL as its tokens name it, without query and fragment.",
            )
        if "openid" not in scopes:
            raise ConfigurationError(f"The OIDC scopes {' '.join(scopes)!r:.200} lack 'openid'.")
        if client_secret and len(client_secret) < MIN_SECRET_CHARS:
            # The cookies' key is made of it: who has a cookie could try short ones through.
            raise ConfigurationError(
                f"The OIDC client secret has fewer than {MIN_SECRET_CHARS} characters.",
                hint="Let the issuer generate one.",
            )
        self.issuer = issuer
        self.client_id = client_id
        self.audience = audience
        self._client_secret = client_secret
        self._home = home
        self._name_claim = name_claim
        self._groups_claim = groups_claim
        self._scopes = scopes
        self._issuer = Issuer(issuer)

    def begin(self, redirect_uri: str, next: str) -> Begun:
        """Begin to sign a person in, who is to go on to `next` (a path of this server, else `/`).

        The cookie is to be HttpOnly and SameSite=Lax (the issuer's redirect must bring it), and to
        be deleted when its sign-in is finished. It lasts ten minutes.

        Raises:
            ConfigurationError: there is no client id, or the issuer signs no people in.
            Unavailable: the issuer can't be reached.
        """
        endpoint = self._issuer.published().authorization_endpoint if self.client_id else ""
        if not endpoint:
            raise ConfigurationError(
                f"People can't sign in through {self.issuer}.",
                hint="They need a client id, and an issuer with an authorization_endpoint.",
            )
        login, cookie = new_login(self._key, redirect_uri, next)
        request = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(self._scopes),
            "state": login.state,
            "nonce": login.nonce,
            "code_challenge": login.challenge,
            "code_challenge_method": "S256",
        }
        return Begun(f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(request)}", cookie)

    def finish(self, state_cookie: str, query: Mapping[str, str], redirect_uri: str) -> Finished:
        """Finish what `begin` began, with the query that the issuer's redirect brought.

        Raises:
            Unauthenticated: the answer is not to this browser's request, or does not convince.
            Unavailable: the issuer can't be reached.
        """
        login = known_login(self._key, redirect_uri, state_cookie)
        if login is None:
            raise refused("its cookie is missing, over, or not of this server")
        if not _same(query.get("state", ""), login.state):
            raise refused("the answer is to another request (its state differs)")
        if query.get("iss", self.issuer) != self.issuer:
            raise refused(f"the answer is from another issuer, {query['iss']!r:.200}")
        published = self._issuer.published()
        if published.names_itself and "iss" not in query:
            raise refused("the answer does not name its issuer, which always does")
        code = query.get("code", "")
        if "error" in query or not 0 < len(code) <= _MAX_CODE_CHARS:
            raise refused(f"the issuer answered {query.get('error', 'without a code')!r:.200}")
        token = self._redeem(published.token_endpoint, code, login, redirect_uri)
        claims = verified(token, self._issuer, self.client_id)
        self._check_id_token(claims, login)
        return Finished(self._identity(claims), login.next)

    def bearer(self, jwt: str) -> Identity:
        """Return the machine that a JWT is about, made by this issuer for this registry.

        Raises:
            Unauthenticated: it is no such token, or is not valid now.
            Unavailable: the issuer's keys can't be had.
        """
        if not self.audience:
            raise refused("JWTs of machines are not accepted: no audience is set")
        return self._identity(verified(jwt, self._issuer, self.audience))

    @cached_property
    def _key(self) -> bytes:
        """Of what all processes share: the client's secret, else a random one in the home."""
        secret = self._client_secret.encode() or kept_secret(self._home)
        return login_key(secret, self.issuer, self.client_id)

    def _redeem(self, endpoint: str, code: str, login: Login, redirect_uri: str) -> str:
        """Return the ID token that the issuer gives for a code."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": login.verifier,
        }
        authorization = None
        if self._client_secret:
            pair = f"{quote_plus(self.client_id)}:{quote_plus(self._client_secret)}"
            authorization = f"Basic {b64encode(pair.encode()).decode()}"
        else:
            form["client_id"] = self.client_id
        answer = fetch(endpoint, form=form, authorization=authorization)
        token, error = answer.document.get("id_token"), answer.document.get("error")
        if answer.status == 400 and error == "invalid_grant":
            raise refused("the issuer does not accept the code")
        if answer.status != 200 or not isinstance(token, str):
            cause = f"status {answer.status}, error {error!r:.100}" + (
                "; is the client's secret right?" if error == "invalid_client" else ""
            )
            raise unavailable(endpoint, f"no ID token comes for a code ({cause})")
        return token

    def _check_id_token(self, claims: JsonObject, login: Login) -> None:
        nonce = claims.get("nonce")
        if not isinstance(nonce, str) or not _same(nonce, login.nonce):
            raise refused("the ID token is to another request (its nonce differs)")
        if "iat" not in claims:
            raise refused("the ID token does not say when it was made")
        audience = claims["aud"]
        several = isinstance(audience, list) and len(audience) > 1
        if claims.get("azp", None if several else self.client_id) != self.client_id:
            raise refused("the ID token was made for another client")

    def _identity(self, claims: JsonObject) -> Identity:
        return identity(
            claims, self.issuer, name_claim=self._name_claim, groups_claim=self._groups_claim
        )


def _same(text: str, expected: str) -> bool:
    return hmac.compare_digest(text.encode("utf-8", "surrogatepass"), expected.encode())
