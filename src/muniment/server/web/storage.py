"""Storage: what users count, what is stored of it, and what a collection would free.

GET  /storage               totals
GET  /storage?garbage=1     and what nobody needs any more; nothing is changed
POST /storage               free that
"""

from __future__ import annotations

from typing import Final

from markupsafe import Markup
from starlette.responses import Response

from muniment.domain.garbage import GarbageReport
from muniment.server.context import context_of
from muniment.server.web.frame import Visit, web_routes
from muniment.server.web.words import size
from muniment.storage.metadata import StorageTotals


async def show(visit: Visit) -> Response:
    """Show the totals of all workspaces, and what could be freed, if that is asked."""
    housekeeping = visit.services.housekeeping

    def gather() -> dict[str, object]:
        totals = housekeeping.totals()
        garbage = housekeeping.collect_garbage(dry_run=True) if visit.asked.get("garbage") else None
        return {
            "totals": totals,
            "saved": max(0, totals.logical_bytes - totals.stored_bytes),
            "bar": shares(totals),
            "garbage": garbage,
            "idle": garbage is not None and not _freed(garbage),
        }

    values = await visit.wait_for(gather)
    retention = context_of(visit.request).ports.retention
    every = visit.request.app.state.settings.gc_every
    return await visit.page("storage", {**values, "retention": retention, "every": every})


async def collect(visit: Visit) -> Response:
    """Free what nobody needs."""
    report = await visit.wait_for(visit.services.housekeeping.collect_garbage)
    return visit.lead_on("/storage", told(report))


def told(report: GarbageReport) -> str:
    """Return in words what a collection did."""
    if not _freed(report):
        return "There was nothing to free."
    counts = (
        (report.blobs, "blob"),
        (report.purged_versions, "deleted version"),
        (report.uploads, "abandoned upload"),
    )
    what = ", ".join(f"{n:,} {word}{'' if n == 1 else 's'}" for n, word in counts if n)
    return f"Freed {size(report.bytes)}" + (f": {what}." if what else ".")


def shares(totals: StorageTotals) -> Markup:
    """Return a bar: of all that users count, the part that is stored."""
    whole = max(totals.logical_bytes, totals.stored_bytes)
    if not whole:
        return Markup("")
    return Markup(
        '<svg class="shares" viewBox="0 0 100 4" preserveAspectRatio="none" role="img" '
        'aria-label="{share:.0f} % of the bytes in versions and files are stored">'
        '<rect class="all" width="100" height="4"/><rect class="part" width="{share:.2f}" '
        'height="4"/></svg>'
    ).format(share=100 * totals.stored_bytes / whole)


def _freed(report: GarbageReport) -> bool:
    return any((report.blobs, report.purged_versions, report.uploads, report.manifests))


routes: Final = web_routes("/storage", get=show, post=collect)
