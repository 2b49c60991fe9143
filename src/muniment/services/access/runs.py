"""Runs: who may look at them and who may log. They themselves are kept by MLflow."""

from __future__ import annotations

from muniment.domain.access import Verb
from muniment.services.base import ANYTHING, Service


class Runs(Service):
    """Experiments, runs, metrics, traces: all of a workspace, or none."""

    def check(self, verb: Verb) -> None:
        """Raise PermissionDenied unless the caller may do `verb`: READ_RUNS or WRITE_RUNS."""
        self._require(verb)

    def may(self, verb: Verb) -> bool:
        """Say whether the caller may do `verb`: READ_RUNS or WRITE_RUNS."""
        return self._caller.principal.may(verb, ANYTHING)
