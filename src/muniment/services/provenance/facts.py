"""What is known of a version at one moment: what card, bill and evidence are made of."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from muniment.domain.checks import CheckResult
from muniment.domain.entities import ModelVersion, RegisteredModel
from muniment.domain.lineage import Edge, NodeKind
from muniment.domain.manifest import Manifest
from muniment.domain.requests import TransitionRequest
from muniment.domain.signatures import Signatures
from muniment.domain.values import text_of

MAX_TEXT_BYTES: Final = 2**20
"""Larger files are not looked into."""
_CARDS: Final = ("readme.md", "model_card.md", "modelcard.md")
_PINNED: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*==\s*([^\s;#,]+)")


@dataclass(frozen=True, slots=True)
class Facts:
    """A version with everything that is filed beside it.

    `manifest` is None if it has no files; `checks` are all results, `lineage` all edges and
    `requests` all requests, each the oldest first.
    """

    model: RegisteredModel
    version: ModelVersion
    manifest: Manifest | None
    checks: tuple[CheckResult, ...]
    requests: tuple[TransitionRequest, ...]
    lineage: tuple[Edge, ...]
    signatures: Signatures
    read: Callable[[str], bytes]

    @property
    def description(self) -> str:
        """The version's, or else the model's."""
        return self.version.description.strip() or self.model.description.strip()

    def tag(self, *keys: str) -> str:
        """Return the first of these tags that the version or its model has, as text; else ""."""
        for tags in (self.version.tags, self.model.tags):
            for key in keys:
                if key in tags:
                    return text_of(tags[key])
        return ""

    def origins(self, kind: NodeKind) -> list[Edge]:
        """Return the edges to what is of one kind."""
        return [edge for edge in self.lineage if edge.node.kind is kind]

    @property
    def latest_checks(self) -> list[CheckResult]:
        """The results that count: the latest of each check, by name."""
        latest = {result.name: result for result in self.checks}
        return [latest[name] for name in sorted(latest)]

    def card(self) -> str:
        """Return the model card that came with the files, in their topmost folder; else ""."""
        files = () if self.manifest is None else self.manifest.files
        found = {file.path.lower(): file.path for file in reversed(files)}
        return next((self._text(found[name]) for name in _CARDS if name in found), "")

    def packages(self) -> Mapping[str, str]:
        """Return what the files say they were written with: names of packages, and versions."""
        return dict(sorted({**self._required(), **self._described()}.items()))

    def _required(self) -> dict[str, str]:
        """Read requirements.txt, as MLflow writes it: what is pinned there."""
        lines = self._text("requirements.txt").splitlines()
        pinned = (_PINNED.match(line.strip()) for line in lines)
        return {match[1]: match[2] for match in pinned if match}

    def _described(self) -> dict[str, str]:
        """Read muniment.json, which our savers write."""
        try:
            document = json.loads(self._text("muniment.json") or "{}")
        except (ValueError, RecursionError):
            return {}  # whoever pushed it may have written anything
        if not isinstance(document, dict):
            return {}
        environment = document.get("environment", document)
        packages = environment.get("packages") if isinstance(environment, dict) else None
        if not isinstance(packages, dict):
            return {}
        return {name: found for name, found in packages.items() if isinstance(found, str)}

    def _text(self, path: str) -> str:
        file = None if self.manifest is None else self.manifest.file(path)
        if file is None or file.size > MAX_TEXT_BYTES:
            return ""
        return self.read(file.digest).decode("utf-8", "replace")
