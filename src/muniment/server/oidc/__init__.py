"""Signing in through an OpenID Connect issuer: people in a browser, machines by a JWT.

    person   begin ──> the issuer's page ──> finish      authorisation code with PKCE (sign_in.py)
                └── cookie: what only this browser has ──┘                        (login.py)
    machine  Authorization: Bearer <JWT> ──> bearer                               (tokens.py)

    issuer.py  what the issuer publishes, its keys among it, cached
    fetch.py   the requests to it: bounded in time and size, never redirected

Needs the extra: `pip install "muniment[oidc]"`. docs/oidc.md says how to set it up.
"""

from __future__ import annotations

from muniment.server.oidc.login import local_path
from muniment.server.oidc.sign_in import Begun, Finished, Oidc

__all__ = ["Begun", "Finished", "Oidc", "local_path"]
