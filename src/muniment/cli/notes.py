"""What is noted beside versions: describe, comment, check-result, link, unlink."""

from __future__ import annotations

from typing import Annotated

import typer

from muniment.cli import usage_pages, words
from muniment.cli.app import MODELS, command
from muniment.cli.look import Limit
from muniment.cli.session import Session
from muniment.domain.checks import Verdict
from muniment.domain.entities import ModelVersion
from muniment.domain.lineage import NodeKind
from muniment.domain.values import JsonObject
from muniment.errors import InvalidInput

What = Annotated[str, typer.Argument(metavar="NAME|REF", help="A model, or one version.")]
Ref = Annotated[str, typer.Argument(metavar="REF", help="The version.")]


@command(
    MODELS,
    "muniment describe fraud 'Card payments that will be disputed.'",
    "muniment describe fraud/3 'Trained on the summer, too.'",
)
def describe(
    session: Session,
    what: What,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What it is; '' for nothing.")],
) -> None:
    """Say what a model or a version is."""
    found = session.find(what)
    if isinstance(found, ModelVersion):
        version = found.update(description=text)
        session.out.done(version, f"Described {version.ref}.")
    else:
        model = found.update(description=text)
        session.out.done(model, f"Described {model.name}.")


@command(
    MODELS,
    "muniment comment fraud/3 'Looks good, @ada.'",
    "muniment comment --request 7 'Where are the tests?'",
    "muniment comment fraud/3",
    "muniment comment --edit 12 'Looks very good.'",
)
def comment(
    session: Session,
    what: Annotated[
        str | None, typer.Argument(metavar="NAME|REF", help="A model, or one version.")
    ] = None,
    text: Annotated[
        str | None, typer.Argument(metavar="TEXT", help="What to say; else list what was said.")
    ] = None,
    request: Annotated[
        int | None, typer.Option(metavar="ID", help="Of this transition request.")
    ] = None,
    edit: Annotated[int | None, typer.Option(metavar="ID", help="Change this comment.")] = None,
    delete: Annotated[int | None, typer.Option(metavar="ID", help="Take it back.")] = None,
    limit: Limit = None,
) -> None:
    """Say something of a model, a version or a request, or list what was said.

    `@name` mentions somebody. What was changed or taken back stays on record, without its text.
    """
    if sum(option is not None for option in (request, edit, delete)) > 1:
        raise InvalidInput("One thing at a time.", hint="--request, --edit or --delete.")
    alone = request is not None or edit is not None or delete is not None
    if alone and text is None:
        what, text = None, what  # then the first argument is the text
    registry = session.registry
    if delete is not None:
        if text is not None:
            raise InvalidInput("--delete takes no text.")
        gone = registry.delete_comment(delete)
        session.out.said(gone.to_json(), str(gone.id), f"Deleted comment {gone.id}.")
        return
    if edit is not None:
        if text is None:
            raise InvalidInput("What should it say?", hint="Write the new text behind it.")
        changed = registry.edit_comment(edit, text)
        session.out.said(changed.to_json(), str(changed.id), f"Changed comment {changed.id}.")
        return
    subject = request if request is not None else what
    if subject is None:
        raise InvalidInput("What about?", hint="Name a model, a version, or --request ID.")
    if what is not None and request is not None:
        raise InvalidInput("A request is named by its id alone.", hint=f"Leave out {what!r:.80}.")
    if text is None:
        found = session.listed(registry.comments(subject).page, limit)
        session.out.entities(found.items, lambda said: str(said.id), usage_pages.comments)
        session.tell_of_more(found)
    else:
        said = registry.comment(subject, text)
        session.out.said(said.to_json(), str(said.id), f"Said so, in comment {said.id}.")


@command(
    MODELS,
    "muniment check-result fraud/3 bias pass --url https://ci.example.com/runs/17",
    "muniment check-result fraud/3 bias fail --finding 'worse for women'",
    "muniment check-result fraud/3",
)
def check_result(
    session: Session,
    ref: Ref,
    name: Annotated[
        str | None, typer.Argument(metavar="CHECK", help="What was checked; else list results.")
    ] = None,
    verdict: Annotated[Verdict | None, typer.Argument(help="What came out.")] = None,
    finding: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="What was found, in a sentence; may be given again."),
    ] = None,
    url: Annotated[str, typer.Option(metavar="URL", help="Where the report is.")] = "",
) -> None:
    """Report what a check said of a version, or list the latest results.

    Policies can demand that a check passes. `unknown` blocks like `fail`.
    """
    if name is None:
        results = session.registry.checks(ref)
        session.out.entities(results, lambda r: f"{r.name} {r.verdict}", usage_pages.checks)
        return
    if verdict is None:
        raise InvalidInput(f"What came out of {name!r:.200}?", hint="pass, fail or unknown.")
    result = session.registry.report_check(ref, name, verdict, findings=finding or (), url=url)
    done = f"{result.model}/{result.version}: {result.name} is {result.verdict} now."
    session.out.said(result.to_json(), str(result.id), done)


@command(
    MODELS,
    "muniment link fraud/3 base/2 --relation fine_tuned_from",
    "muniment link fraud/3 dataset:bookings-2026-07 --uri s3://lake/bookings/2026-07",
    "muniment link fraud/3 run:8f1c0a",
)
def link(
    session: Session,
    ref: Ref,
    origin: Annotated[
        str, typer.Argument(metavar="ORIGIN", help="A version, or KIND:ID, such as dataset:….")
    ],
    relation: Annotated[
        str, typer.Option(metavar="WORD", help="How it came from that; else the usual way.")
    ] = "",
    name: Annotated[str, typer.Option(metavar="TEXT", help="What people call it.")] = "",
    uri: Annotated[str, typer.Option(metavar="URI", help="Where it is.")] = "",
    digest: Annotated[str, typer.Option(metavar="TEXT", help="What its content is.")] = "",
    prop: Annotated[
        list[str] | None,
        typer.Option("--property", metavar="K=V", help="A fact about it; may be given again."),
    ] = None,
) -> None:
    """Note what a version came from: another version, a run, a data set, a commit, a pipeline."""
    kind, _, thing = origin.partition(":")
    facts: JsonObject = {"name": name, "uri": uri, "digest": digest}
    if kind in set(NodeKind):
        facts |= {
            "kind": kind,
            "id": thing,
            "properties": {**words.assignments(prop or (), "fact")},
        }
        edge = session.registry.link(ref, facts, relation)
    elif any(facts.values()) or prop:
        raise InvalidInput(
            f"{origin!r:.200} is a version, and says of itself what it is.",
            hint="Leave out --name, --uri, --digest and --property; or name it as KIND:ID.",
        )
    else:
        edge = session.registry.link(ref, origin, relation)
    label = edge.node.name or edge.node.id
    way = edge.relation.replace("_", " ")
    session.out.said(edge.to_json(), str(edge.id), f"{edge.model}/{edge.version} {way} {label}.")


@command(MODELS, "muniment unlink 12")
def unlink(
    session: Session,
    edge: Annotated[
        int, typer.Argument(metavar="ID", help="The edge, as `muniment lineage -o json` has it.")
    ],
) -> None:
    """Take a link back. That it was there stays in the history."""
    session.registry.unlink(edge)
    session.out.said({"edge": edge, "removed": True}, str(edge), f"Removed the link {edge}.")
