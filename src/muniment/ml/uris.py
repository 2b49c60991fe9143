"""Addresses of models, for loaders and registers.

    models:/fraud@champion    the version that an alias points at
    models:/fraud/3           version 3
    models:/fraud/Production  the newest version in a stage
    models:/m-0123…           a logged model (MLflow)
    runs:/<run>/<path>        a model that a run logged (MLflow)
    file:///srv/model         a folder, as any other address with a scheme, or a path

`models:/…` means the same in a Muniment server, a folder of Muniment and any MLflow store.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from muniment.domain.names import check_alias_letters, check_model_name
from muniment.domain.refs import Ref, parse_ref
from muniment.errors import InvalidInput

__all__ = [
    "check_uri",
    "uri_for_model_alias",
    "uri_for_model_alias_or_version",
    "uri_for_model_version",
]

MODELS: Final = "models:/"
_LATEST: Final = "latest"
_LOGGED_MODEL = re.compile(r"m-[0-9a-f]{32}")
_RUN = re.compile(r"runs:/+[\w.-]+/.+")


def uri_for_model_alias(name: str, alias: str) -> str:
    """Return the address of the version that an alias points at.

    >>> uri_for_model_alias("fraud", "champion")
    'models:/fraud@champion'

    Raises:
        InvalidInput: name or alias are none.
    """
    return f"{MODELS}{check_model_name(name)}@{check_alias_letters(alias)}"


def uri_for_model_version(name: str, version: int) -> str:
    """Return the address of a version.

    >>> uri_for_model_version("fraud", 3)
    'models:/fraud/3'

    Raises:
        InvalidInput: the name is none, or the version no whole number from 1.
    """
    if type(version) is not int or version < 1:
        raise InvalidInput(f"{version!r:.80} is no version.", hint="Versions count from 1.")
    return f"{MODELS}{check_model_name(name)}/{version}"


def uri_for_model_alias_or_version(name: str, alias_or_version: str | int) -> str:
    """Return the address of a version by its number (an `int`) or by an alias (a `str`)."""
    if isinstance(alias_or_version, int):
        return uri_for_model_version(name, alias_or_version)
    return uri_for_model_alias(name, alias_or_version)


def check_uri(uri: object) -> str:
    """Return an address that a model could have.

    Raises:
        InvalidInput: it is none.
    """
    if not isinstance(uri, str) or not uri.strip() or "\0" in uri:
        raise _malformed(uri)
    if uri.startswith("models:"):
        if not _LOGGED_MODEL.fullmatch(uri.removeprefix(MODELS)):
            _ref_of_models(uri)
    elif uri.startswith("runs:"):
        if not _RUN.fullmatch(uri):
            raise _malformed(uri)
    else:
        try:
            parts = urlsplit(uri)
        except ValueError:
            raise _malformed(uri) from None
        if parts.scheme and not parts.netloc and not parts.path.strip("/"):
            raise _malformed(uri)
    return uri


def ref_of(uri: str) -> Ref:
    """Return the version that an address, or a reference such as `fraud@champion`, means.

    Raises:
        InvalidInput: it means none of a registry of ours.
    """
    if check_uri(uri).startswith("models:"):
        return _ref_of_models(uri)
    if "://" in uri or uri.startswith("runs:"):
        raise InvalidInput(
            f"{uri!r:.200} is no version of a Muniment registry.",
            hint="Write models:/fraud/3 or models:/fraud@champion, or file:///… for a folder.",
        )
    return parse_ref(uri)


def folder_of(uri: str) -> Path | None:
    """Return the folder that a `file:` address or an absolute path means; else None."""
    if uri.startswith("file:"):
        parts = urlsplit(uri)
        if parts.netloc not in ("", "localhost"):
            raise InvalidInput(f"{uri!r:.200} is on another machine.")
        return Path(unquote(parts.path))
    return Path(uri) if Path(uri).is_absolute() else None


def uri_of_folder(folder: Path) -> str:
    """Return the `file:` address of a folder."""
    return f"file://{quote(str(folder.absolute()))}"


def _ref_of_models(uri: str) -> Ref:
    text = uri.removeprefix(MODELS)
    if text == uri or text.startswith("/"):
        raise _malformed(uri)
    ref = parse_ref(text)
    if ref == Ref(ref.model):
        raise _malformed(uri)
    return Ref(ref.model) if ref.stage == _LATEST else ref


def _malformed(uri: object) -> InvalidInput:
    return InvalidInput(
        f"{uri!r:.200} is not the address of a model.",
        hint="Write models:/fraud/3, models:/fraud@champion, runs:/<run>/<path>, or a path.",
    )
