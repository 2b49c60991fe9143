"""Looking: ls, show, resolve, search, diff, lineage. Nothing here changes anything."""

from __future__ import annotations

from typing import Annotated

import typer

from muniment.cli import lineage_pages
from muniment.cli.app import LOOK, command
from muniment.cli.session import AsOf, Session, time_of
from muniment.domain.entities import ModelVersion
from muniment.domain.lineage import Direction
from muniment.domain.signatures import NO_SIGNATURES

_VERSIONS_SHOWN = 10

Filter = Annotated[
    str, typer.Option(metavar="FILTER", help="Only what this finds (docs/search.md).")
]
OrderBy = Annotated[
    list[str] | None,
    typer.Option(metavar="KEY", help="Sort by e.g. 'metrics.auc DESC'; may be given again."),
]
Limit = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="N", help="At most so many. [dim](else 100 for people, all for programs)[/]"
    ),
]


@command(
    LOOK,
    "muniment ls",
    "muniment ls fraud",
    "muniment ls fraud --filter \"metrics.auc >= 0.9\" --order-by 'metrics.auc DESC'",
    "muniment ls --deleted",
)
def ls(
    session: Session,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A model, to list its versions.")
    ] = None,
    filter: Filter = "",
    order_by: OrderBy = None,
    limit: Limit = None,
    deleted: Annotated[
        bool, typer.Option("--deleted", help="What was deleted and can be restored.")
    ] = False,
) -> None:
    """List models, or the versions of one model."""
    order = order_by or ()
    if name is None:
        models = session.listed(
            session.registry.models(filter, order_by=order, deleted=deleted).page, limit
        )
        session.out.models(models.items)
        session.tell_of_more(models)
    else:
        versions = session.listed(
            session.registry.versions(filter, model=name, order_by=order, deleted=deleted).page,
            limit,
        )
        session.out.versions(versions.items, of_one_model=True)
        session.tell_of_more(versions)
    if deleted:
        session.out.hint("`muniment restore NAME` or `muniment restore NAME/3` brings it back.")


@command(
    LOOK,
    "muniment show fraud",
    "muniment show fraud/3",
    "muniment show fraud@champion -o json | jq .metrics",
    "muniment show fraud/Production --as-of 2026-11-01T00:00:00Z",
)
def show(
    session: Session,
    what: Annotated[str, typer.Argument(metavar="NAME|REF", help="A model, or one version.")],
    as_of: AsOf = None,
) -> None:
    """Show a model, or a version and its files."""
    time = time_of(as_of)
    found = session.find(what) if time is None else session.registry.resolve(what, as_of=time)
    if isinstance(found, ModelVersion):
        if found.digest:
            session.out.version(found, found.manifest(), session.registry.signatures(found))
        else:
            session.out.version(found, None, NO_SIGNATURES)
    else:
        session.out.model(found, found.versions().page(size=_VERSIONS_SHOWN).items)


@command(
    LOOK,
    "muniment resolve fraud@champion",
    "muniment resolve fraud/Production --as-of 7d",
)
def resolve(
    session: Session,
    ref: Annotated[str, typer.Argument(metavar="REF", help="A reference to a version.")],
    as_of: AsOf = None,
) -> None:
    """Say which version a reference means, or meant."""
    version = session.registry.resolve(ref, as_of=time_of(as_of))
    session.out.done(version, version.ref)


@command(
    LOOK,
    "muniment search \"metrics.auc >= 0.9 AND tags.team = 'risk'\"",
    "muniment search \"framework = 'sklearn'\" --order-by 'created_at DESC' --limit 5",
    "muniment search \"name LIKE 'fraud%'\" --models",
)
def search(
    session: Session,
    filter: Annotated[str, typer.Argument(metavar="FILTER", help="See docs/search.md.")],
    models: Annotated[bool, typer.Option("--models/--versions", help="What to find.")] = False,
    order_by: OrderBy = None,
    limit: Limit = None,
) -> None:
    """Find versions (or models) by what is known of them."""
    order = order_by or ()
    if models:
        found = session.listed(session.registry.models(filter, order_by=order).page, limit)
        session.out.models(found.items)
        session.tell_of_more(found)
    else:
        versions = session.listed(session.registry.versions(filter, order_by=order).page, limit)
        session.out.versions(versions.items, of_one_model=False)
        session.tell_of_more(versions)


@command(
    LOOK,
    "muniment diff fraud/1 fraud/2",
    "muniment diff fraud@champion fraud",
    "muniment diff fraud/1 fraud/2 -q",
)
def diff(
    session: Session,
    left: Annotated[str, typer.Argument(metavar="REF", help="One version.")],
    right: Annotated[str, typer.Argument(metavar="REF", help="The other version.")],
) -> None:
    """Compare two versions.

    Label, stage, framework, source, metrics, params, tags and signature by value, files by digest.
    """
    session.out.diff(session.registry.diff(left, right))


@command(
    LOOK,
    "muniment lineage fraud/3",
    "muniment lineage fraud@champion --up --hops 10",
    "muniment lineage dataset:bookings-2026-07 --down",
)
def lineage(
    session: Session,
    of: Annotated[
        str, typer.Argument(metavar="REF|KIND:ID", help="A version, or anything it came from.")
    ],
    up: Annotated[bool, typer.Option("--up", help="Only what it came from.")] = False,
    down: Annotated[bool, typer.Option("--down", help="Only what came from it.")] = False,
    hops: Annotated[int | None, typer.Option(metavar="N", help="How far, 1 to 20; else 3.")] = None,
) -> None:
    """Draw what a version came from, and what came from it."""
    way = Direction.BOTH if up == down else Direction.UP if up else Direction.DOWN
    graph = session.registry.lineage(of, direction=way, hops=hops)
    names = [
        f"{node.model}/{node.version}" if node.model else f"{node.node.kind}:{node.node.id}"
        for node in graph.nodes[1:]
    ]
    page = lineage_pages.lineage(graph, up=way is not Direction.DOWN, down=way is not Direction.UP)
    session.out.document(graph.to_json(), names, page)
