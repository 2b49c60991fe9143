"""How the pages write times, numbers, sizes, digests and links. Filters of the templates."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote, urlencode

from markupsafe import Markup

from muniment.domain.values import utcnow

_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_STEPS: Final = (
    (timedelta(minutes=1), timedelta(seconds=1), "second"),
    (timedelta(hours=1), timedelta(minutes=1), "minute"),
    (timedelta(days=1), timedelta(hours=1), "hour"),
    (timedelta(days=30), timedelta(days=1), "day"),
    (timedelta(days=365), timedelta(days=30), "month"),
    (timedelta.max, timedelta(days=365), "year"),
)


def ago(time: datetime, now: datetime | None = None) -> str:
    """Return how long ago a time was, or how far ahead it is.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
    >>> ago(noon - timedelta(hours=3), noon), ago(noon + timedelta(days=2), noon)
    ('3 hours ago', 'in 2 days')
    """
    passed = (now or utcnow()) - time
    said = _span(abs(passed))
    if not said:
        return "now"
    return f"in {said}" if passed < timedelta(0) else f"{said} ago"


def lasting(time: datetime, now: datetime | None = None) -> str:
    """Return for how long something has been as it is, that came about at a time.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
    >>> lasting(noon - timedelta(days=1), noon), lasting(noon, noon)
    ('for 1 day', 'since now')
    """
    said = _span((now or utcnow()) - time)
    return f"for {said}" if said else "since now"


def _span(time: timedelta) -> str:
    """Return a time in its largest unit; nothing if it is a moment, or less."""
    if time < timedelta(seconds=10):
        return ""
    unit, word = next((unit, word) for limit, unit, word in _STEPS if time < limit)
    count = time // unit
    return f"{count} {word}{'' if count == 1 else 's'}"


def when(time: datetime | None) -> Markup:
    """Return a time as people say it, with the exact one on hover and for programs."""
    return _exact(time, ago)


def since(time: datetime | None) -> Markup:
    """Return for how long something has been, with the exact time on hover and for programs."""
    return _exact(time, lasting)


def _exact(time: datetime | None, said: Callable[[datetime], str]) -> Markup:
    if time is None:
        return Markup("")
    exact = time.strftime("%Y-%m-%d %H:%M:%S UTC")
    machine = time.isoformat(timespec="milliseconds")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(machine, exact, said(time))


def size(count: int | None) -> str:
    """Return a number of bytes in the largest unit that fits.

    >>> size(0), size(1536), size(5 * 1024**3)
    ('0 B', '1.5 KiB', '5 GiB')
    """
    if count is None:
        return "–"
    value, unit = float(count), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.3g} {_UNITS[unit]}" if value < 1000 else f"{value:.0f} {_UNITS[unit]}"


def number(value: float) -> str:
    """Return a metric's value, short enough for a table; the whole of it stands in the title.

    >>> number(0.97318), number(12345678), number(3), number(1e-7)
    ('0.9732', '12,345,678', '3', '1e-07')
    """
    if value == int(value) and abs(value) < 10**15:
        return f"{int(value):,}"
    return f"{value:.4g}"


def digest(text: str | None) -> Markup:
    """Return a digest, cut short, with the whole of it to copy."""
    if not text:
        return Markup("–")
    return Markup('<code class="digest" title="{0}" data-copy="{0}">{1}</code>').format(
        text, text[:12]
    )


def with_code(text: str) -> Markup:
    """Return a sentence in which what stands between backticks is code.

    >>> str(with_code("`muniment ls` lists <them>."))
    '<code>muniment ls</code> lists &lt;them&gt;.'
    """
    plain, *pieces = text.split("`")
    said = Markup("").join(
        Markup("<code>{}</code>{}").format(code, rest)
        for code, rest in zip(pieces[::2], pieces[1::2], strict=False)
    )
    left = pieces[-1] if len(pieces) % 2 else ""  # one that nothing closes
    return Markup("{}{}{}").format(plain, said, f"`{left}" if left else "")


def model_path(name: str, *parts: object) -> str:
    """Return the path of a model's page, or of one below it.

    >>> model_path("fraud detection", 3, "files")
    '/models/fraud%20detection/3/files'
    """
    return "/".join(["/models", quote(name, safe=""), *(quote(str(p), safe="") for p in parts)])


def query(path: str, values: Mapping[str, object], **changed: object) -> str:
    """Return a path with a query: `values`, some of them changed, without the empty ones."""
    kept = {key: value for key, value in {**values, **changed}.items() if value not in ("", None)}
    return f"{path}?{urlencode(kept, doseq=True)}" if kept else path


FILTERS: Final[Mapping[str, Callable[..., object]]] = {
    "ago": ago,
    "when": when,
    "since": since,
    "size": size,
    "number": number,
    "digest": digest,
    "with_code": with_code,
    "shell": shlex.quote,
}
FUNCTIONS: Final[Mapping[str, Callable[..., object]]] = {"model_path": model_path, "query": query}
