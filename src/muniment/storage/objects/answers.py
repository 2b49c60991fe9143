"""What object stores say when they say no, in our words: never with a key, a signature or a URL."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from obstore import exceptions

from muniment.errors import ConfigurationError, MunimentError, StorageFull, Unavailable
from muniment.storage.objects.refusals import Precondition, RangeBehindEnd

_STATUS: Final = re.compile(r"status code: (\d{3})")
_CODE: Final = re.compile(r"<Code>(\w{1,80})</Code>")
_FULL: Final = frozenset({"XMinioStorageFull", "QuotaExceeded", "XMinioAdminBucketQuotaExceeded"})
_REFUSALS: Final = frozenset(
    {
        "AccessDenied",
        "AllAccessDisabled",
        "AuthorizationHeaderMalformed",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidToken",
        "SignatureDoesNotMatch",
        "XMinioInvalidAccessKeyId",
    }
)
_REASONS: Final = (
    ("Connection refused", "the connection was refused"),
    ("dns error", "its name is not known"),
    ("certificate", "its certificate is not trusted"),
    ("timed out", "it took too long"),
    ("TimedOut", "it took too long"),
)


@contextmanager
def explaining(place: str) -> Iterator[None]:
    """Raise the errors of obstore as ours; `place` is how the bucket is called in messages.

    Raises:
        FileNotFoundError: there is no such object.
        Precondition, RangeBehindEnd: see there.
        ConfigurationError, StorageFull, Unavailable: for the caller of the port.
    """
    try:
        yield
    except FileNotFoundError as error:
        if "NoSuchBucket" in str(error):
            raise refusal(place, 404, "NoSuchBucket") from None
        raise
    except OSError as error:  # from what looks like a file to obstore
        raise no_answer(place, str(error)) from None
    except (exceptions.AlreadyExistsError, exceptions.PreconditionError):
        raise Precondition from None
    except exceptions.BaseError as error:
        # Not chained: the text of the cause quotes the request, and some stores the credentials.
        text = str(error)
        status, code = _STATUS.search(text), _CODE.search(text)
        if status is not None and status[1] == "416":
            raise RangeBehindEnd from None
        if status is not None:
            raise refusal(place, int(status[1]), code[1] if code else "") from None
        raise no_answer(place, text) from None


def refusal(place: str, status: int, code: str) -> MunimentError:
    """Return the error for an answer with an HTTP status and the store's code (or none)."""
    said = f"{code} ({status})" if code.isalpha() else f"{status}"  # HEAD has no room for a code
    if code in _FULL or status == 507:
        return StorageFull(
            f"{place} has no room: it answers {said}.", hint="Free some, or raise its quota."
        )
    if code == "NoSuchBucket":
        return ConfigurationError(
            f"There is no {place}.", hint="Restore it, or name the bucket that holds the blobs."
        )
    if code in _REFUSALS or status in (301, 401, 403):
        return ConfigurationError(
            f"{place} refuses these credentials: it answers {said}.",
            hint="Check the access key, its rights on this bucket, the region and the clock.",
        )
    return Unavailable(
        f"{place} does not do what is asked now: it answers {said}.", hint="Try again later."
    )


def no_answer(place: str, text: str) -> Unavailable:
    """Return the error for no answer at all, or none that can be understood."""
    why = next((reason for mark, reason in _REASONS if mark in text), "")
    return Unavailable(
        f"{place} does not answer{f': {why}' if why else ''}.",
        hint="Check its address and the network in between, or try again later.",
    )
