"""Forms that only a page of ours can have sent.

    page    hidden field = HMAC(secret, "form")     secret = the session's cookie; before one is
    cookie  secret                                  signed in, a cookie that lives for the form

Another site can make a browser send the cookie at most, and can read neither. Any process can check
it, since nothing is kept.
"""

from __future__ import annotations

import hmac
from typing import Final
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from muniment.errors import InvalidInput
from muniment.server.cookies import SESSION, cookie, set_cookie
from muniment.server.streaming import read_whole
from muniment.services.access.passwords import new_secret

FIELD: Final = "form"
_COOKIE: Final = "muniment-form"
_LIFETIME: Final = 12 * 3_600
_MEDIA_TYPE: Final = "application/x-www-form-urlencoded"
_MAX_BYTES: Final = 16 * 1024
_MAX_FIELDS: Final = 100


class FormSecret:
    """What the forms of one browser are bound to."""

    def __init__(self, request: Request) -> None:
        self._request = request
        kept = cookie(request, SESSION) or cookie(request, _COOKIE)
        self._is_new = kept is None
        self._secret = kept or new_secret()

    @property
    def token(self) -> str:
        """What the hidden field holds."""
        return hmac.digest(self._secret.encode(), b"form", "sha256").hex()

    def fits(self, form: dict[str, str]) -> bool:
        """Say whether a form is from a page that this browser was given."""
        given = form.get(FIELD, "").encode("utf-8", "surrogatepass")
        return not self._is_new and hmac.compare_digest(given, self.token.encode())

    def keep(self, response: Response) -> Response:
        """Let the browser keep the secret, if it has none yet; return the response."""
        if self._is_new:
            set_cookie(self._request, response, _COOKIE, self._secret, seconds=_LIFETIME)
        return response


async def read_form(request: Request, *, limit: int = _MAX_BYTES) -> dict[str, str]:
    """Return the fields of a form, at most `limit` bytes; the last one where a name comes twice.

    Raises:
        InvalidInput, LimitExceeded: it is none, or larger than any of ours.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != _MEDIA_TYPE:
        raise HTTPException(415, f"The body is {media_type!r:.80}; this takes {_MEDIA_TYPE}.")
    content = await read_whole(request, limit=limit)
    try:
        fields = parse_qsl(
            content.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MAX_FIELDS,
        )
    except ValueError:
        raise InvalidInput("The form can't be read.") from None
    return dict(fields)
