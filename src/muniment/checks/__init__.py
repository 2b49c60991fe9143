"""Checks of versions: what a plugin implements, those that come along, and how one is run.

A check looks at one version and says pass, fail or unknown. It is a class without arguments, named
by an entry point of the group `muniment.checks`:

    [project.entry-points."muniment.checks"]
    licence-terms = "ours.checks:LicenceTerms"

It runs in a process of its own (`process`), which has neither the registry's stores nor its
secrets, for a limited time and in limited memory; it sees the version and its files, and nothing
else of the registry.
"""

from __future__ import annotations

from muniment.checks.interface import Check, Outcome, Subject, SubjectFile

__all__ = ["Check", "Outcome", "Subject", "SubjectFile"]
