"""The API's reference as a page: rendered from a template, with a policy that lets nothing else in.

It needs no script and nothing from elsewhere; its style sheet stands inside it, and the content
security policy names it by its hash and forbids all else.
"""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.responses import Response

from muniment._version import __version__

if TYPE_CHECKING:
    from jinja2 import Template

TEMPLATES: Final = Path(__file__).parent / "templates"


def rendered(template: str, /, **values: object) -> bytes:
    """Return the page of a template."""
    page = _template(template).render(values, style=_style(), version=__version__, page=template)
    return page.encode()


def page_response(content: bytes) -> Response:
    """Return a page, to be asked for again each time."""
    headers = {"content-security-policy": _policy(), "cache-control": "no-cache"}
    return Response(content, 200, headers, "text/html")


@cache
def _template(name: str) -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup, escape

    def prose(text: str) -> Markup:
        """Mark up the little Markdown that docstrings use: paragraphs and `code`."""
        parts = []
        for paragraph in text.strip().split("\n\n"):
            pieces = [str(escape(piece)) for piece in paragraph.split("`")]
            marked = [
                f"<code>{piece}</code>" if at % 2 else piece for at, piece in enumerate(pieces)
            ]
            parts.append(f"<p>{''.join(marked)}</p>")
        return Markup("".join(parts))  # noqa: S704  # every piece is escaped above

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["prose"] = prose
    return environment.get_template(f"{name}.html")


@cache
def _style() -> str:
    return (TEMPLATES / "style.css").read_text("utf-8").strip()


@cache
def _policy() -> str:
    return (
        f"default-src 'none'; style-src {_hashed(_style())}; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _hashed(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
