"""The typer application: global options, and what every command has in common.

A command is a function of a `Session` and its own arguments, registered with `command`. The global
options may stand before and after the command's name; what stands after wins:

    muniment -o json ls          muniment ls -o json

Commands that belong together stand in a `Group`: `muniment user add`, `muniment user ls`. One of
them may be meant where none is named: `muniment stages` is `muniment stages ls`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Concatenate, Final, ParamSpec, TypeAlias

import typer
from typer.core import TyperGroup
from typer.main import get_command

from muniment._version import __version__
from muniment.cli.output import Form, Output
from muniment.cli.session import Session

P = ParamSpec("P")
Function: TypeAlias = Callable[Concatenate[Session, P], None]

MODELS: Final = "Models"
LOOK: Final = "Look"
LIFECYCLE: Final = "Lifecycle"
IN_USE: Final = "In use"
KEEP_HOUSE: Final = "Keep house"
MOVE: Final = "Moving"
PEOPLE: Final = "People"
SERVER: Final = "Server"
PANELS: Final = (MODELS, LOOK, LIFECYCLE, IN_USE, KEEP_HOUSE, MOVE, PEOPLE, SERVER)
_EVERYWHERE: Final = "Everywhere"


def _typer(name: str, cls: type[TyperGroup] = TyperGroup) -> typer.Typer:
    return typer.Typer(
        name=name,
        cls=cls,
        no_args_is_help=False,
        invoke_without_command=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


app = _typer("muniment")


@dataclass(frozen=True, slots=True)
class Choices:
    """The global options; None and False where they were not given."""

    registry: str | None = None
    workspace: str | None = None
    output: Form | None = None
    quiet: bool = False
    debug: bool = False

    def over(self, before: Choices) -> Choices:
        """Return these, with the gaps filled by those that stood before the command."""
        return Choices(
            registry=self.registry if self.registry is not None else before.registry,
            workspace=self.workspace if self.workspace is not None else before.workspace,
            output=self.form or before.form,
            debug=self.debug or before.debug,
        )

    @property
    def form(self) -> Form | None:
        """The form of output that is asked for."""
        return Form.QUIET if self.quiet else self.output


@dataclass(slots=True)
class Run:
    """One run of the command: what `main` needs to know when something goes wrong."""

    choices: Choices = field(default_factory=Choices)

    @property
    def output(self) -> Output:
        """Where to speak, as far as the options are known."""
        return Output(self.choices.form or Form.HUMAN)


def _choices(
    registry: Annotated[
        str | None,
        typer.Option(
            "--registry",
            metavar="URL|FOLDER",
            help="The registry (or MUNIMENT_REGISTRY; else http://127.0.0.1:8000).",
            rich_help_panel=_EVERYWHERE,
        ),
    ] = None,
    workspace: Annotated[
        str | None,
        typer.Option(
            "--workspace",
            metavar="NAME",
            help="The workspace (or MUNIMENT_WORKSPACE; else default).",
            rich_help_panel=_EVERYWHERE,
        ),
    ] = None,
    output: Annotated[
        Form | None,
        typer.Option(
            "--output", "-o", help="Pages, JSON, or one name per line.", rich_help_panel=_EVERYWHERE
        ),
    ] = None,
    quiet: Annotated[
        bool,
        typer.Option("--quiet", "-q", help="Same as --output quiet.", rich_help_panel=_EVERYWHERE),
    ] = False,
    debug: Annotated[
        bool,
        typer.Option(
            "--debug", help="Show the traceback of an error.", rich_help_panel=_EVERYWHERE
        ),
    ] = False,
) -> Choices:
    return Choices(registry, workspace, output, quiet, debug)


_GLOBAL: Final = tuple(inspect.signature(_choices, eval_str=True).parameters.values())
_CONTEXT: Final = inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)


def command(panel: str, *examples: str) -> Callable[[Function[P]], Function[P]]:
    """Register a function of a session as a command, with examples and the global options."""
    return lambda function: _register(app, function, panel, examples)


class Group:
    """Commands under one word, in a panel: `muniment WORD COMMAND`.

    With a `default`, that is meant where what follows the word is no command of the group.
    """

    def __init__(self, panel: str, name: str, help: str, *, default: str | None = None) -> None:
        self._typer = _typer(name, TyperGroup if default is None else _with_default(default))
        self._typer.callback(help=help)(_help_without_command)
        app.add_typer(self._typer, rich_help_panel=panel)

    def command(
        self, *examples: str, name: str | None = None
    ) -> Callable[[Function[P]], Function[P]]:
        """Register a function as `command` does; `reset_password` becomes `reset-password`."""
        return lambda function: _register(self._typer, function, None, examples, name)


def _with_default(default: str) -> type[TyperGroup]:
    class WithDefault(TyperGroup):
        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            if not args or (args[0] not in self.commands and args[0] not in ("-h", "--help")):
                args = [default, *args]
            return super().parse_args(ctx, args)

    return WithDefault


def tree() -> Any:
    """Return the whole command as click knows it: panels in order, groups behind commands."""
    root: Any = get_command(app)
    root.commands = dict(
        sorted(
            root.commands.items(),
            key=lambda item: (PANELS.index(item[1].rich_help_panel), hasattr(item[1], "commands")),
        )
    )
    return root


def _register(
    target: typer.Typer,
    function: Function[P],
    panel: str | None,
    examples: Sequence[str],
    name: str | None = None,
) -> Function[P]:
    def run(ctx: typer.Context, **given: Any) -> None:
        this: Run = ctx.obj
        this.choices = _pop_choices(given).over(this.choices)
        with Session(this.choices.registry, this.choices.workspace, this.output) as session:
            function(session, **given)  # type: ignore[call-arg]

    own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
    _take(run, own, doc=function.__doc__)
    target.command(
        name or function.__name__.replace("_", "-"),
        rich_help_panel=panel,
        epilog="\n  ".join(["\n[bold]Examples[/]", *examples]),
    )(run)
    return function


def _help_without_command(ctx: typer.Context) -> None:
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


def _take(
    function: Callable[..., None], own: Sequence[inspect.Parameter], *, doc: str | None
) -> None:
    """Make `function` look to typer as if it took a context, `own` and the global options."""
    parameters = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in (_CONTEXT, *own, *_GLOBAL)
    ]
    function.__doc__ = doc
    function.__annotations__ = {p.name: p.annotation for p in parameters}
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]


def _pop_choices(given: dict[str, Any]) -> Choices:
    return _choices(**{parameter.name: given.pop(parameter.name) for parameter in _GLOBAL})


STAGES: Final = Group(
    LIFECYCLE, "stages", "Stages: where versions stand on their way.", default="ls"
)
POLICY: Final = Group(
    LIFECYCLE, "policy", "Policies: what entering a stage demands.", default="show"
)
CHECK: Final = Group(
    LIFECYCLE, "check", "Checks: what is looked at, and what was found.", default="show"
)
WEBHOOK: Final = Group(LIFECYCLE, "webhook", "Webhooks: who is told of what happens.")
IMPORT: Final = Group(
    MOVE, "import", "Import: models from an archive, or from MLflow.", default="archive"
)
BACKUP: Final = Group(MOVE, "backup", "Backups: of everything, made while serving.", default="make")
KEYS: Final = Group(LIFECYCLE, "keys", "Keys: whose signatures are trusted.", default="ls")
USER: Final = Group(PEOPLE, "user", "Users: people, and service accounts for machines.")
TOKEN: Final = Group(PEOPLE, "token", "Tokens: what programs sign in with.")
GRANT: Final = Group(PEOPLE, "grant", "Grants: who may do what.")
PIPELINES: Final = Group(
    MODELS, "pipelines", "Pipelines: from training in SageMaker into the registry."
)
MLFLOW: Final = Group(SERVER, "mlflow", "MLflow: does it work here?")
AUDIT: Final = Group(PEOPLE, "audit", "The audit log: sign-ins, refusals, reads, administration.")


def _tell_version(asked: bool) -> None:
    if asked:
        typer.echo(f"muniment {__version__}")
        raise typer.Exit


def _root(ctx: typer.Context, **given: Any) -> None:
    this: Run = ctx.obj
    this.choices = _pop_choices(given)
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


_VERSION: Final = inspect.Parameter(
    "version",
    inspect.Parameter.KEYWORD_ONLY,
    default=False,
    annotation=Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_tell_version, help="Print the version and stop."
        ),
    ],
)
_take(
    _root,
    [_VERSION],
    doc="""Every version of every machine-learning model: stored, proven, handed back fast.

    A version is named [cyan]fraud[/] (the newest), [cyan]fraud/3[/], [cyan]fraud@champion[/],
    [cyan]fraud/Production[/] or [cyan]fraud@sha256:…[/]; just [cyan]fraud[/] names the model, too.
    """,
)
app.callback(
    epilog="""[bold]Examples[/]
  muniment serve
  muniment push fraud model.joblib --metric auc=0.97
  muniment pull fraud@champion --to ./model

`muniment COMMAND --help` has examples for each command."""
)(_root)
