"""How the command says sizes, times and digests, and how it reads what people type.

Pure functions; the output module and the commands lean on them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from muniment.domain.values import Value
from muniment.errors import InvalidInput

SHORT_DIGEST = 12
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_AGES = ((60, "s"), (60, "min"), (24, "h"), (30, "d"))
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_TYPED_KEY = re.compile(r"(?P<key>.+):(?P<type>str|int|float|bool)", re.DOTALL)
_DURATION = re.compile(r"(?P<number>[0-9]+(\.[0-9]+)?)(?P<unit>s|m|h|d|w)?")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
# Text that reorders what stands beside it in a terminal, so that it reads as something else.
_REORDERING = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F}


def size(count: int) -> str:
    """Return e.g. `812 B`, `4.1 KiB`, `37.0 MiB`.

    >>> size(38_797_312)
    '37.0 MiB'
    """
    amount = float(count)
    for unit in _UNITS:
        if round(amount, 1) < 1024 or unit == _UNITS[-1]:
            return f"{count} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    raise AssertionError("unreachable")


def age(at: datetime, now: datetime) -> str:
    """Return how long ago `at` was, e.g. `5 min ago`; the date if it was a month or more.

    >>> from datetime import UTC
    >>> age(datetime(2026, 1, 1, 12, 0, tzinfo=UTC), datetime(2026, 1, 1, 12, 5, tzinfo=UTC))
    '5 min ago'
    """
    gone = now - at
    if gone < timedelta(seconds=-5):
        return moment(at)  # the clocks disagree, or it lies ahead
    if gone < timedelta(seconds=5):
        return "just now"
    count = int(gone.total_seconds())
    for step, unit in _AGES:
        if count < step:
            return f"{count} {unit} ago"
        count //= step
    return f"{at:%Y-%m-%d}"


def moment(at: datetime) -> str:
    """Return e.g. `2026-11-21 11:33:00 UTC`."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def seconds(duration: float) -> str:
    """Return e.g. `0.042 s`, `1.73 s`, `94 s`."""
    digits = 3 if duration < 0.1 else 2 if duration < 10 else 0
    return f"{duration:.{digits}f} s"


def digest(hex_digits: str | None) -> str:
    """Return the first digits of a digest, enough to tell contents apart; `-` for none."""
    return hex_digits[:SHORT_DIGEST] if hex_digits else "-"


def number(value: float) -> str:
    """Return a metric as people read it: at most six significant digits, no trailing zeros."""
    return f"{value:.6g}"


def aligned(column: Sequence[float | None]) -> list[str]:
    """Return numbers with as many decimals as the longest needs, so that the points align.

    >>> aligned([0.5, 0.9934, None])
    ['0.5000', '0.9934', '']
    """
    texts = [number(item) for item in column if item is not None]
    if any("e" in text for text in texts):
        return ["" if item is None else number(item) for item in column]
    decimals = max((len(text.partition(".")[2]) for text in texts), default=0)
    return ["" if item is None else f"{item:.{decimals}f}" for item in column]


def value(item: Value | None) -> str:
    """Return a tag or param as it would be typed; a string that reads as another type is quoted."""
    if item is None:
        return "-"
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, str):
        return f'"{item}"' if not isinstance(_guessed(item), str) else item
    return number(item) if isinstance(item, float) else str(item)


def printable(text: str, *, lines: bool = True) -> str:
    """Return `text` with everything escaped that would steer a terminal rather than stand in it.

    Without `lines` that is also what would begin another line.
    """
    kept = "\n\t" if lines else ""
    return "".join(
        c.encode("unicode_escape").decode()
        if (unicodedata.category(c) in ("Cc", "Cs") and c not in kept) or ord(c) in _REORDERING
        else c
        for c in text
    )


def count(n: int, singular: str, plural: str = "") -> str:
    """Return e.g. `1 file`, `3 files`."""
    return f"{n:,} {singular if n == 1 else plural or singular + 's'}"


def assignments(pairs: Iterable[str], what: str) -> dict[str, Value]:
    """Read `key=value` arguments as typed tags or params.

    >>> assignments(["team=risk", "n=3", "live=true", "zip:str=10115"], "tag")
    {'team': 'risk', 'n': 3, 'live': True, 'zip': '10115'}

    Raises:
        InvalidInput: there is no `=`, a key stands twice, or a value is not of the type forced.
    """
    out: dict[str, Value] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise InvalidInput(
                f"{pair!r:.200} is not a {what}.", hint="Write key=value, such as depth=6."
            )
        forced = _TYPED_KEY.fullmatch(key)
        if forced:
            key = forced["key"]
        if key in out:
            raise InvalidInput(f"The {what} {key!r} stands twice.", hint="Leave one of them out.")
        out[key] = _of_type(forced["type"], text, key) if forced else _guessed(text)
    return out


def metrics(pairs: Iterable[str]) -> dict[str, float]:
    """Read `key=number` arguments.

    Raises:
        InvalidInput: a value is not a number.
    """
    out: dict[str, float] = {}
    for key, item in assignments(pairs, "metric").items():
        if isinstance(item, bool) or not isinstance(item, int | float):
            raise InvalidInput(
                f"Metric {key!r}: {item!r:.80} is not a number.", hint="Write e.g. auc=0.97."
            )
        out[key] = float(item)
    return out


def _guessed(text: str) -> Value:
    """Read text as the type it looks like; what would not come back as typed stays text."""
    if text in ("true", "True"):
        return True
    if text in ("false", "False"):
        return False
    match = _NUMBER.fullmatch(text)
    if match is None:
        return text
    if match[2] is None and match[3] is None:
        whole = int(text)
        return whole if -(2**63) <= whole < 2**63 else text
    fraction = float(text)
    return text if fraction in (float("inf"), float("-inf")) else fraction


def _of_type(kind: str, text: str, key: str) -> Value:
    if kind == "str":
        return text
    guess = _guessed(text)
    if kind == "bool" and isinstance(guess, bool):
        return guess
    if not isinstance(guess, bool | str):
        if kind == "float":
            return float(guess)
        if kind == "int" and isinstance(guess, int):
            return guess
    raise InvalidInput(f"{key}:{kind}={text!r:.80}: the value is not of that type.")


def duration(text: str) -> float:
    """Read `90`, `90s`, `30m`, `12h`, `7d` or `2w`; return seconds.

    >>> duration("7d")
    604800.0

    Raises:
        InvalidInput: `text` is no such duration.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise InvalidInput(
            f"{text!r:.80} is not a duration.", hint="Write e.g. 90s, 30m, 12h, 7d or 2w."
        )
    return float(match["number"]) * _SECONDS[match["unit"] or "s"]
