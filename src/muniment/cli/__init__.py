"""The `muniment` command."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["main"]


def main(args: Sequence[str] | None = None) -> int:
    """Run the command with `args` (default: the process's own) and return its exit code."""
    from muniment.cli.run import run

    return run(args)
