"""From arguments to an exit code: the one place where the command's errors end up."""

from __future__ import annotations

import errno
import io
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from itertools import pairwise

import typer

from muniment.cli import exits
from muniment.cli.app import Run, tree
from muniment.cli.output import Form, Output
from muniment.errors import MunimentError

# `muniment completion` prints the same script, and touches nobody's start-up files.
_TYPERS_OWN = ("--install-completion", "--show-completion")


def run(args: Sequence[str] | None = None) -> int:
    """Run the command with `args` (default: the process's own) and return its exit code."""
    given = list(sys.argv[1:] if args is None else args)
    this = Run()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name need not fit the terminal
    _register(given)
    root = tree()
    root.params = [param for param in root.params if not {*param.opts} & {*_TYPERS_OWN}]
    try:
        code = root.main(given, prog_name="muniment", standalone_mode=False, obj=this)
        sys.stdout.flush()
    except typer.TyperException as error:
        message = error.format_message().replace("Value error, ", "")  # is pydantic's
        _as_asked(given, this).failure(message, _see_help(error))
        return exits.USAGE
    except MunimentError as error:
        _trace(this)
        this.output.error(error)
        return exits.exit_code(type(error))
    except typer.Abort:
        return exits.INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the last flush
        return exits.FAILURE
    except OSError as error:
        _trace(this)
        this.output.failure(_about_file(error), code="os_error")
        return exits.FULL if error.errno == errno.ENOSPC else exits.FAILURE
    except Exception as error:
        _trace(this)
        this.output.failure(
            f"{type(error).__name__}: {error}",
            "This is a fault of muniment. Run it again with --debug and report what it prints.",
            code="internal_error",
        )
        return exits.FAILURE
    return code if isinstance(code, int) else exits.OK


def _register(given: list[str]) -> None:
    """Import the commands; if the first word says that it is to serve, none but the server's."""
    import_module(f"muniment.cli.{'server' if given[:1] == ['serve'] else 'commands'}")


def _trace(this: Run) -> None:
    if this.choices.debug:
        traceback.print_exc()


def _as_asked(given: list[str], this: Run) -> Output:
    """Return where to speak when the options themselves can't be read."""
    pairs = pairwise(given)
    if "--output=json" in given or "-ojson" in given:
        return Output(Form.JSON)
    if any(option in ("-o", "--output") and value == "json" for option, value in pairs):
        return Output(Form.JSON)
    return this.output


def _see_help(error: typer.TyperException) -> str:
    # Only usage errors know their command, and typer does not export their class.
    context: typer.Context | None = getattr(error, "ctx", None)
    return f"See `{context.command_path} --help`." if context else ""


def _about_file(error: OSError) -> str:
    what = error.strerror or str(error)
    return f"{error.filename}: {what}." if error.filename else f"{what}."
