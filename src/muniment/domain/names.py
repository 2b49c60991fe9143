"""What things may be called, and how large they may be. Every limit of the product stands here.

Each `check_*` returns the value it was given or raises InvalidInput (LimitExceeded for sizes)
with the value, the rule and what to do.
"""

from __future__ import annotations

import math
import posixpath
import re
import unicodedata
from collections.abc import Mapping
from typing import Final

from muniment.domain.values import EMPTY, Value, check_value
from muniment.errors import InvalidInput, LimitExceeded

MAX_NAME_CHARS: Final = 2_500
MAX_NAME_BYTES: Final = 2_600  # a B-tree key of PostgreSQL holds 2,704
MAX_SLUG_CHARS: Final = 96
MAX_LABEL_CHARS: Final = 128
MAX_ALIAS_CHARS: Final = 255
MAX_KEY_CHARS: Final = 250
MAX_VALUE_CHARS: Final = 100_000
MAX_DESCRIPTION_CHARS: Final = 100_000
MAX_TEXT_CHARS: Final = 8_000  # source URI, run link, framework, comment, …
MAX_TAGS: Final = 1_000
MAX_PARAMS: Final = 10_000
MAX_METRICS: Final = 10_000
MAX_VARIABLES: Final = 20_000
MAX_FILES: Final = 100_000
MAX_PATH_BYTES: Final = 1_024
MAX_FILTER_CHARS: Final = 10_000
MAX_PAGE_SIZE: Final = 1_000
DEFAULT_PAGE_SIZE: Final = 100
MAX_BLOB_BYTES: Final = 5 * 2**40  # what one S3 object may hold

DIGEST = re.compile(r"[0-9a-f]{64}")
SNAPSHOT = re.compile(r"[0-9a-f]{40}")
WRITER_ID = re.compile(r"[0-9a-f]{32}")
USER = re.compile(r"[\w][\w.@+-]{0,127}")
_SUBJECT = re.compile(r"(user|group|oidc):[^\x00-\x1f\x7f]{1,500}")
_WEBHOOK = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_WORKSPACE = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_ALIAS = re.compile(r"[\w-]+")
_LABEL = re.compile(r"[\w][\w.+-]*")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # categories Cc and Cs
_SURROGATE = re.compile("[\ud800-\udfff]")
_KEY = re.compile(r"[\w .:/-]+")
# Words that people read as the newest version, or as a version by its number.
_RESERVED_ALIAS = re.compile(r"latest|v\d+", re.IGNORECASE)
_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+")


def _is_control(text: str) -> bool:
    return not text.isprintable() and _CONTROL.search(text) is not None


def _check_length(text: object, limit: int, what: str) -> str:
    if not isinstance(text, str):  # callers in Python may pass anything
        raise InvalidInput(f"The {what} must be text, not {text!r:.80}.", details={"field": what})
    if len(text) > limit:
        raise LimitExceeded(
            f"{what} has {len(text)} characters; at most {limit} are allowed.",
            details={"limit": limit, "field": what},
        )
    return text


def check_workspace(name: str) -> str:
    """Workspace: 1 to 63 of `a-z`, `0-9`, `-`, not starting with `-`."""
    if not _WORKSPACE.fullmatch(name):
        raise InvalidInput(
            f"{name!r} is not a workspace name.",
            hint="Use 1 to 63 of a-z, 0-9 and '-', starting with a letter or digit.",
        )
    return name


def check_webhook_name(name: str) -> str:
    """Return `name` if a webhook may have it. Several may have the same one."""
    if not _WEBHOOK.fullmatch(name):
        raise InvalidInput(
            f"A webhook can't be called {name!r:.100}.",
            hint="Up to 63 letters (a to z), digits, '.', '_' and '-', no sign at either end.",
            details={"field": "name"},
        )
    return name


def check_user_name(name: str) -> str:
    """User: 1 to 128 word characters and `.@+-`, beginning with a word character."""
    if not USER.fullmatch(name):
        raise InvalidInput(
            f"{name!r:.200} can't be a user's name.",
            hint="Use letters, digits and '._@+-', at most 128.",
            details={"field": "name"},
        )
    return name


def check_subject(subject: str) -> str:
    """Who holds a grant: `user:NAME`, `group:NAME` or `oidc:ISSUER|SUBJECT`."""
    if not _SUBJECT.fullmatch(subject):
        raise InvalidInput(
            f"{subject!r:.200} can't hold a grant.",
            hint="Write user:NAME, group:NAME or oidc:ISSUER|SUBJECT.",
            details={"field": "subject"},
        )
    return subject


def check_model_name(name: str) -> str:
    """Model: any text without `/`, `:` and control characters, not blank, not `.` or `..…`."""
    if not name or not name.strip():
        raise InvalidInput("A model name must not be empty.", details={"field": "name"})
    _check_length(name, MAX_NAME_CHARS, "model name")
    if _is_control(name):
        raise InvalidInput(f"The model name {name!r:.200} holds a control character.")
    if len(name.encode()) > MAX_NAME_BYTES:
        raise LimitExceeded(
            f"The model name has {len(name.encode())} bytes as UTF-8; "
            f"at most {MAX_NAME_BYTES} are allowed.",
            details={"limit": MAX_NAME_BYTES, "field": "name"},
        )
    if "/" in name or ":" in name or name == "." or name.startswith(".."):
        raise InvalidInput(
            f"{name!r:.200} can't be a model name.",
            hint="A name holds no '/' and no ':', is not '.' and does not start with '..'.",
            details={"field": "name"},
        )
    return name


def slug_of(name: str) -> str:
    """Return a lower-case ASCII word for `name`: `[a-z0-9][a-z0-9._-]*`, at most 96 characters."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9._]+", "-", ascii_name).strip("-._")
    slug = re.sub(r"([._-])[._-]+", r"\1", slug)
    return slug[:MAX_SLUG_CHARS].rstrip("-._") or "model"


def check_label(label: str) -> str:
    """Version label, such as `1.0.0`: word characters, `.`, `+`, `-`; at most 128."""
    _check_length(label, MAX_LABEL_CHARS, "version label")
    if not _LABEL.fullmatch(label):
        raise InvalidInput(
            f"{label!r} can't be a version label.",
            hint="Use letters, digits, '_', '.', '+' and '-', starting with a letter or digit.",
            details={"field": "label"},
        )
    return label


def check_alias_letters(alias: str) -> str:
    """What may be asked for as an alias: word characters and `-`, at most 255."""
    _check_length(alias, MAX_ALIAS_CHARS, "alias")
    if not _ALIAS.fullmatch(alias):
        raise InvalidInput(
            f"{alias!r} can't be an alias.",
            hint="Use letters, digits, '_' and '-'.",
            details={"field": "alias"},
        )
    return alias


def check_alias(alias: str) -> str:
    """Alias: word characters and `-`, at most 255, but neither `latest` nor `v` and digits."""
    check_alias_letters(alias)
    if _RESERVED_ALIAS.fullmatch(alias):
        raise InvalidInput(
            f"The alias {alias!r} is reserved: it reads as a version.",
            hint="Choose a word, such as 'champion'.",
            details={"field": "alias"},
        )
    return alias


def check_key(key: str, what: str) -> str:
    """Key of a tag, param or metric: up to 250 of word characters, space and `_ - . : /`.

    Read as a path it must be relative and normalised, so that it is safe in URLs and exports.
    """
    _check_length(key, MAX_KEY_CHARS, f"{what} key")
    misread = ("/" in key or "." in key) and (
        posixpath.normpath(key) != key or key == "." or key.startswith(("/", ".."))
    )
    if not _KEY.fullmatch(key) or misread:
        raise InvalidInput(
            f"{key!r} can't be a {what} key.",
            hint="Use letters, digits, spaces and '_-.:/'; no leading '/', no '..', no '//'.",
            details={"field": what},
        )
    return key


def check_text(text: str, what: str, limit: int = MAX_TEXT_CHARS) -> str:
    """Free text within `limit` characters, without NUL and unpaired surrogates."""
    _check_length(text, limit, what)
    if "\0" in text or (not text.isascii() and _SURROGATE.search(text)):
        raise InvalidInput(f"The {what} holds a character that can't be stored.")
    return text


def check_values(
    values: Mapping[str, object], what: str, limit: int, known: Mapping[str, Value] = EMPTY
) -> dict[str, Value]:
    """Check the keys, values and number of tags or params; return them as a plain dict.

    What is the very same in `known` was checked before.
    """
    if len(values) > limit:
        raise LimitExceeded(
            f"{len(values)} {what}s; at most {limit} are allowed.", details={"limit": limit}
        )
    checked: dict[str, Value] = {}
    for key, value in values.items():
        if (old := known.get(key)) is value and old is not None:
            checked[key] = old
            continue
        check_key(key, what)
        good = check_value(key, value, field=what)
        if isinstance(good, str):
            check_text(good, f"value of {what} {key!r}", MAX_VALUE_CHARS)
        checked[key] = good
    return checked


def check_metrics(metrics: Mapping[str, object]) -> dict[str, float]:
    """Check metrics: keys like tags, finite numbers as values; return them as floats."""
    if len(metrics) > MAX_METRICS:
        raise LimitExceeded(
            f"{len(metrics)} metrics; at most {MAX_METRICS} are allowed.",
            details={"limit": MAX_METRICS},
        )
    checked: dict[str, float] = {}
    for key, value in metrics.items():
        check_key(key, "metric")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InvalidInput(f"Metric {key!r}: {value!r:.80} is not a number.")
        number = _as_float(key, value)
        checked[key] = number
    return checked


def _as_float(key: str, value: float) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise InvalidInput(
            f"Metric {key!r}: {value!r:.80} is not a finite number.", hint="Leave it out instead."
        )
    return number


def check_digest(digest: str) -> str:
    """Blob or manifest digest: 64 lower-case hex digits; a leading `sha256:` is taken off."""
    bare = digest.removeprefix("sha256:")
    if not DIGEST.fullmatch(bare):
        raise InvalidInput(
            f"{digest!r:.100} is not a digest.", hint="A SHA-256 digest has 64 of 0-9 and a-f."
        )
    return bare


def check_path(path: str) -> str:
    """Path of a file in a version: relative, POSIX, normalised, no control characters.

    Backslashes are refused, since another system would read them as separators.
    """
    if not path or len(path.encode("utf-8", "surrogatepass")) > MAX_PATH_BYTES:
        raise InvalidInput(
            f"A path must have 1 to {MAX_PATH_BYTES} bytes; {path!r:.80} has not.",
            details={"field": "path"},
        )
    bad_segment = any(part in ("", ".", "..") for part in path.split("/"))
    if bad_segment or "\\" in path or _is_control(path) or re.match(r"[A-Za-z]:", path):
        raise InvalidInput(
            f"{path!r:.200} can't be the path of a file in a version.",
            hint="Use a relative path with '/', without '.', '..', '\\' and control characters.",
            details={"field": "path"},
        )
    return path


def check_media_type(media_type: str) -> str:
    """Media type such as `application/json`, without parameters."""
    if len(media_type) > MAX_LABEL_CHARS or not _MEDIA_TYPE.fullmatch(media_type):
        raise InvalidInput(f"{media_type!r:.200} is not a media type.")
    return media_type
