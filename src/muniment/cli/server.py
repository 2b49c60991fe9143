"""The server and the surroundings: serve, ready, demo, config, completion, version."""

from __future__ import annotations

import gc
import os
import platform
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from muniment._version import __version__
from muniment.cli.app import SERVER, command, tree
from muniment.cli.session import BlobsOption, DatabaseOption, Session
from muniment.domain.entities import DEFAULT_WORKSPACE

if TYPE_CHECKING:
    from muniment.server.settings import Setting


_SECRET: Final = frozenset({"token", "password"})
_HIDDEN: Final = "***"


class Shell(StrEnum):
    """A shell that can complete commands."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


@command(
    SERVER,
    "muniment serve",
    "muniment serve --port 9000 --home /srv/models",
    "muniment serve --database postgresql://db/models --blobs s3://models --workers 4",
)
def serve(
    session: Session,
    host: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Where to listen. (else 127.0.0.1)")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, metavar="PORT", help="The port. (else 8000)")
    ] = None,
    home: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The data. (else MUNIMENT_HOME, else ./.muniment)"),
    ] = None,
    database: DatabaseOption = None,
    blobs: BlobsOption = None,
    workers: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Processes. (else 1)")
    ] = None,
) -> None:
    """Serve a registry until Ctrl-C."""
    gc.disable()  # what is imported stays; looking for garbage in it takes an eighth of the start
    try:
        from muniment.server.run import serve as run
        from muniment.server.settings import load_settings

        said = {"home": home, "database": database, "blobs": blobs}
        raise typer.Exit(run(load_settings(host=host, port=port, workers=workers, **said)))
    finally:
        gc.enable()


@command(SERVER, "muniment ready", "muniment ready --port 9000 -q")
def ready(
    session: Session,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, metavar="PORT", help="Its port. (else 8000)")
    ] = None,
) -> None:
    """Ask the server on this machine whether its stores answer.

    The exit code is 0 if they do. It is the health check of containers.
    """
    from muniment.cli.readiness import ask
    from muniment.server.settings import load_settings

    url = ask(load_settings(port=port))
    session.out.said({"url": url, "status": "ready"}, "ready", f"{url} is ready.")


@command(
    SERVER,
    "muniment demo",
    "muniment demo --exit",
    "muniment demo --rich",
    "muniment demo --home ./demo-data",
)
def demo(
    session: Session,
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="PORT", help="The port; 0 picks a free one.")
    ] = 0,
    home: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Keep the data here. (else it is removed at the end)"),
    ] = None,
    exit_at_end: Annotated[
        bool, typer.Option("--exit", help="End with the story instead of serving on.")
    ] = False,
    rich: Annotated[
        bool, typer.Option("--rich", help="Show a registry after a year, with 20 models, instead.")
    ] = False,
) -> None:
    """See the main job done: a real model in, the same out.

    Starts a server, trains two scikit-learn models, pushes both, pulls the better one in a fresh
    process, verifies every digest and compares the predictions bit by bit. Then serves until
    Ctrl-C. With --rich it trains nothing, and serves a registry with 300 versions to look around
    in.
    """
    if rich:
        from muniment.cli.tour import run
    else:
        from muniment.cli.story import run

    run(session.out, port=port, home=home, exit_at_end=exit_at_end)


@command(SERVER, "muniment config", "muniment config -o json")
def config(session: Session) -> None:
    """Show the settings in force, and where they come from.

    An option of a command counts before the environment, and that before a .env file in the
    present folder (which the server reads) and the default.
    """
    from muniment.server.settings import describe_settings

    session.out.settings([*_client_settings(session), *describe_settings()])


@command(
    SERVER,
    "muniment completion bash > ~/.local/share/bash-completion/completions/muniment",
    "muniment completion zsh > ~/.zfunc/_muniment",
    "muniment completion fish > ~/.config/fish/completions/muniment.fish",
)
def completion(
    session: Session, shell: Annotated[Shell, typer.Argument(help="The shell.")]
) -> None:
    """Print the completion script for a shell."""
    os.environ["_MUNIMENT_COMPLETE"] = f"source_{shell.value}"
    tree().main([], prog_name="muniment")


@command(SERVER, "muniment version", "muniment version -o json")
def version(session: Session) -> None:
    """Print the versions of muniment and Python."""
    python = platform.python_version()
    session.out.said(
        {"muniment": __version__, "python": python},
        __version__,
        f"muniment {__version__} on Python {python}",
    )


def _client_settings(session: Session) -> Iterator[Setting]:
    """Yield the command's own settings, in the form in which the server tells its."""
    from muniment.client.cache import default_cache
    from muniment.client.credentials import without_secrets
    from muniment.connecting import DEFAULT_ADDRESS
    from muniment.server.settings import Setting

    told = (
        ("registry", session.address, DEFAULT_ADDRESS, "The registry that commands talk to."),
        ("workspace", session.workspace, DEFAULT_WORKSPACE, "Whose models."),
        ("cache", None, str(default_cache()), "Where pulled bytes are kept."),
        ("token", None, "", "Who signs in to a server."),
        ("username", None, "", "Another way to sign in, with the password."),
        ("password", None, "", "The password of that user."),
    )
    for name, argument, default, description in told:
        variable = f"MUNIMENT_{name.upper()}"
        value, source = default, "default"
        if argument:
            value, source = argument, "argument"
        elif os.environ.get(variable):
            value, source = os.environ[variable], f"environment variable {variable}"
            value = _HIDDEN if name in _SECRET else value
        yield Setting(name, variable, without_secrets(value), source, description)
