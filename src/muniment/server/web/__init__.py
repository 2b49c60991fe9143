"""The pages: what people see and do in a browser.

    frame.py       a visit: who asks, in which workspace; pages rendered, forms read, faults shown
    words.py       how times, numbers, sizes, digests and links are written
    charts.py      pictures that the server draws, as SVG
    static/        style sheet and scripts, served under their digest
    templates/     one a page, in base.html
    home.py, models.py, …   one module a page: read by services, render; act by services, lead on

Reading needs no script. A form that fails is shown again, with what was typed and why it failed.
"""

from __future__ import annotations

from typing import Final

from starlette.routing import Route

from muniment.server.web import assets, home, models

routes: Final[list[Route]] = [*assets.routes, *home.routes, *models.routes]
