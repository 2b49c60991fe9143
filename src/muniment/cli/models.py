"""Models and their versions: push, pull, tag, alias."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from muniment.cli import words
from muniment.cli.app import MODELS, command
from muniment.cli.session import AsOf, Session, time_of
from muniment.domain.entities import ModelVersion, Signature
from muniment.domain.refs import Ref
from muniment.domain.values import Json, Value
from muniment.errors import InvalidInput

_STDIN = "-"
Pairs = list[str] | None


@command(
    MODELS,
    "muniment push fraud model.joblib --metric auc=0.97 --alias champion",
    "muniment push fraud ./folder --label 1.4.0 --tag team=risk --param depth=6",
    "tar c weights | muniment push fraud - --path weights.tar",
    "muniment push fraud --source-uri s3://bucket/fraud/3",
    "muniment push fraud model.joblib --from base/2 --relation fine_tuned_from",
)
def push(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The model.")],
    source: Annotated[
        str | None,
        typer.Argument(metavar="PATH|-", help="A file, a folder, or - for standard input."),
    ] = None,
    path: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="What the file is called there; - needs it."),
    ] = None,
    label: Annotated[
        str | None, typer.Option(metavar="TEXT", help="A label of your own, e.g. 1.4.0.")
    ] = None,
    description: Annotated[str, typer.Option(metavar="TEXT", help="What it is.")] = "",
    tag: Annotated[Pairs, typer.Option(metavar="K=V", help="A tag; may be given again.")] = None,
    param: Annotated[
        Pairs, typer.Option(metavar="K=V", help="A parameter; may be given again.")
    ] = None,
    metric: Annotated[
        Pairs, typer.Option(metavar="K=NUMBER", help="A metric; may be given again.")
    ] = None,
    framework: Annotated[
        str, typer.Option(metavar="TEXT", help="What loads it, e.g. scikit-learn.")
    ] = "",
    signature: Annotated[
        Path | None, typer.Option(metavar="FILE.json", help="Its inputs and outputs.")
    ] = None,
    input_example: Annotated[
        Path | None,
        typer.Option(metavar="FILE.json", help="An example of its input, to keep."),
    ] = None,
    alias: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Point this alias at it; may be given again."),
    ] = None,
    source_uri: Annotated[
        str, typer.Option(metavar="URI", help="Where it comes from, or where it stays.")
    ] = "",
    parent: Annotated[
        str | None, typer.Option("--from", metavar="REF", help="The version that it came from.")
    ] = None,
    relation: Annotated[
        str, typer.Option(metavar="WORD", help="How it came from that, e.g. fine_tuned_from.")
    ] = "",
    no_git: Annotated[
        bool, typer.Option("--no-git", help="Don't note the commit of the working directory.")
    ] = False,
    create: Annotated[
        bool, typer.Option("--create/--no-create", help="Register the model if it is new.")
    ] = True,
) -> None:
    """Push a file or a folder as the next version.

    Only bytes that the registry does not hold yet are sent; an upload that was interrupted goes on
    where it stopped. Values that read as a number or boolean become one; K:str=V keeps the text.
    Where the working directory is a git repository, its commit is noted in the version's lineage.
    """
    if source == _STDIN and path is None:
        raise InvalidInput(
            "Standard input has no name.", hint="Say what the file is called: --path model.bin."
        )
    if source is None and (not source_uri or path or input_example):
        raise InvalidInput(
            "There is nothing to push.",
            hint="Name a file, a folder or - for standard input; or --source-uri alone.",
        )
    if not create:
        session.registry.model(name)
    started = time.perf_counter()
    version = session.registry.push(
        name,
        sys.stdin.buffer if source == _STDIN else source,
        path=path,
        label=label,
        description=description,
        tags=words.assignments(tag or (), "tag"),
        params=words.assignments(param or (), "param"),
        metrics=words.metrics(metric or ()),
        framework=framework,
        signature=None if signature is None else Signature.from_json(read_json(signature)),
        input_example=None if input_example is None else read_json(input_example),
        alias=alias or (),
        source_uri=source_uri,
        parent=parent,
        relation=relation,
        use_git=False if no_git else None,
    )
    session.out.pushed(version, time.perf_counter() - started)
    if not version.aliases:
        session.out.hint(f"`muniment alias {name} champion {version.version}` gives it a name.")


@command(
    MODELS,
    "muniment pull fraud@champion",
    "muniment pull fraud/3 --to ./model",
    "muniment pull fraud --path config.json --path tokenizer",
    "muniment pull fraud/Production --as-of 2026-11-01T00:00:00Z",
)
def pull(
    session: Session,
    ref: Annotated[str, typer.Argument(metavar="REF", help="The version.")],
    to: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Copy them here; else the cache."),
    ] = None,
    path: Annotated[
        list[str] | None,
        typer.Option(metavar="PATH", help="Only this file or folder; may be given again."),
    ] = None,
    as_of: AsOf = None,
) -> None:
    """Pull the files of a version, and verify every byte."""
    version = session.registry.resolve(ref, as_of=time_of(as_of))
    folder = session.registry.pull(version, to, paths=path or ())
    manifest = version.manifest()
    files = {file.path: file for wanted in path or [""] for file in manifest.under(wanted)}
    session.out.pulled(version, folder, list(files.values()))
    if to is None:
        session.out.hint("These files are shared and read-only; --to DIR makes your own copy.")


@command(
    MODELS,
    "muniment tag fraud team=risk",
    "muniment tag fraud/3 reviewed=true zip:str=10115",
    "muniment tag fraud/3 --delete reviewed",
    "muniment tag fraud/3",
)
def tag(
    session: Session,
    what: Annotated[str, typer.Argument(metavar="NAME|REF", help="A model, or one version.")],
    pairs: Annotated[
        Pairs,
        typer.Argument(metavar="K=V", help="What reads as a number or boolean is one."),
    ] = None,
    delete: Annotated[
        Pairs, typer.Option(metavar="K", help="Remove this tag; may be given again.")
    ] = None,
) -> None:
    """Set, remove and list tags.

    Values that read as a number or boolean become one; K:str=V keeps the text.
    """
    found = session.find(what)
    changes: dict[str, Value | None] = {**words.assignments(pairs or (), "tag")}
    changes |= dict.fromkeys(delete or ())
    if changes:
        tagged = session.registry.tag(found, changes)
        name = tagged.ref if isinstance(tagged, ModelVersion) else tagged.name
        session.out.done(tagged, f"Tagged {name}.")
    else:
        session.out.tags(found.tags)


@command(
    MODELS,
    "muniment alias fraud",
    "muniment alias fraud champion 3",
    "muniment alias fraud champion 3 --expect 2",
    "muniment alias fraud champion --delete",
)
def alias(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The model.")],
    alias: Annotated[
        str | None, typer.Argument(metavar="ALIAS", help="The alias; else list them.")
    ] = None,
    version: Annotated[
        int | None, typer.Argument(metavar="VERSION", help="The version to point at.")
    ] = None,
    delete: Annotated[bool, typer.Option("--delete", help="Remove the alias.")] = False,
    expect: Annotated[
        int | None,
        typer.Option(metavar="VERSION", help="Only if it points there now; 0: only if it is new."),
    ] = None,
    protect: Annotated[
        bool | None,
        typer.Option("--protect/--unprotect", help="A protected alias moves only by --expect."),
    ] = None,
) -> None:
    """Point an alias at a version, remove it, or list them."""
    registry = session.registry
    if alias is None:
        session.out.aliases(name, registry.aliases(name))
    elif delete:
        if version is not None:
            raise InvalidInput("--delete takes no version.", hint="Use --expect to name it.")
        registry.delete_alias(name, alias, expect=expect)
        session.out.said({"alias": alias, "deleted": True}, "", f"Removed {name}@{alias}.")
    elif version is None:
        raise InvalidInput(
            f"Where should {name}@{alias} point?",
            hint=f"`muniment alias {name} {alias} 3`, or --delete.",
        )
    else:
        reference = registry.set_alias(
            Ref(name, version=version), alias, expect=expect, protected=protect
        )
        session.out.said(
            reference.to_json(), f"{name}@{alias}", f"{name}@{alias} is {name}/{version} now."
        )


def read_json(file: Path) -> Json:
    """Return what a file of JSON holds. Raises InvalidInput."""
    try:
        document: Json = json.loads(file.read_bytes())
    except ValueError as error:
        raise InvalidInput(f"{str(file)!r} is not JSON: {error}.") from None
    return document
