"""A year of a registry, for `muniment demo --rich`: 20 models, 300 versions, and what they became.

each version   registered ─> checked ─> (better than the last one?) ─> Staging ─> requested
                                                     rejected, or approved by others <─┘
                                                                    └─> Production ─> deployed

It is told by the services themselves, in the order of time, under a clock that is set back: what
comes of it is what a server would have made. The dice are seeded, so each year is the same but for
when it ends: now.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from muniment.demo.files import files_of
from muniment.demo.models import KINDS, REVIEWERS, Kind
from muniment.domain.access import OWNER, Principal, Role
from muniment.domain.caller import Caller
from muniment.domain.changes import ModelChanges, NewVersion
from muniment.domain.checks import Verdict
from muniment.domain.deployments import DeploymentStatus, UseKind
from muniment.domain.entities import Signature, Variable, VariableType
from muniment.domain.lineage import Node, NodeKind, Origin, Relation
from muniment.domain.manifest import FileEntry, Manifest
from muniment.domain.stages import Policy, Stage
from muniment.domain.values import sha256_hex, utcnow
from muniment.services import Observer, Ports, Services

_YEAR: Final = timedelta(days=360)
_SEED: Final = 1815
_UNREVIEWED: Final = timedelta(days=12)
_QUESTION: Final = "How does it do on data of the last month?"
_ANSWER: Final = "Slightly better than before: the card has the numbers."
_JOBS: Final = ("nightly-scoring", "checkout", "backoffice", "batch-export", "notebook-7")

Happening = tuple[datetime, int, Callable[[], None]]


def fill(ports: Ports) -> None:
    """Let the year pass in an empty registry."""
    _Year(ports).pass_by()


class _Year:
    """The year while it passes: what is to happen, and the clock."""

    def __init__(self, ports: Ports) -> None:
        self._random = random.Random(_SEED)  # noqa: S311 - a story, not a secret
        self._end = utcnow()
        self.now = self._end - _YEAR
        # Its checks are reported, as from a pipeline: the server's own would all be of today.
        self._ports = replace(ports, clock=lambda: self.now, runs_checks=False)
        self._observer = ports.observer or Observer(ports.metadata)
        self._ahead: list[Happening] = []
        self._stored: set[str] = set()
        self._newest: dict[str, int] = {}

    def pass_by(self) -> None:
        """Let everything happen, in the order of time."""
        self._begin()
        for kind in KINDS:
            self._plan(kind)
        while self._ahead:
            self._ahead.sort(key=lambda happening: happening[:2], reverse=True)
            at, _, happen = self._ahead.pop()
            self.now = at
            happen()
        self._observer.flush()

    def _later(self, wait: timedelta, happen: Callable[[], None]) -> None:
        at = self.now + wait
        if at < self._end:
            self._ahead.append((at, len(self._ahead), happen))

    def _as(self, name: str, consumer: str | None = None) -> Services:
        caller = Caller(name, principal=Principal(name, OWNER.grants), consumer=consumer)
        return Services(self._ports, caller)

    # -- rules -----------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Say what stages demand."""
        lifecycle = self._as("frances").lifecycle
        lifecycle.define_stage(
            Stage("Canary", 150, "#8a5fbf", "Serves one request in twenty, for a week.")
        )
        production = Policy(approvals=1, approver=Role.APPROVER, checks=("bias",), review_days=120)
        of_risk = Policy(tag="team=risk", approvals=2, description=True)
        lifecycle.define_stage(
            Stage("Production", 200, "#2aa147", "Serves.", policies=(production, of_risk))
        )

    # -- versions --------------------------------------------------------------------------------

    def _plan(self, kind: Kind) -> None:
        """Spread the versions of a model over the year, and some more closely towards its end."""
        begun = self._random.uniform(0.0, 0.35)
        days = sorted(
            begun + (1 - begun) * self._random.random() ** 0.9 for _ in range(kind.versions)
        )
        best = [kind.metrics[0].begins]
        for number, day in enumerate(days, 1):
            self._later(day * _YEAR * 0.998, partial(self._register, kind, number, best))

    def _register(self, kind: Kind, number: int, best: list[float]) -> None:
        author = self._as(kind.author if number % 4 else "ci-training")
        done = number / kind.versions
        metrics = {
            metric.name: round(
                metric.begins + metric.gains * done**0.7 + self._random.gauss(0, metric.scatters), 5
            )
            for metric in kind.metrics
        }
        params = {"learning_rate": round(0.3 * 0.9**number, 4), "depth": 3 + number % 7, "seed": 7}
        entries = []
        for path, content, media_type in files_of(kind, number, params, metrics, self._random):
            self._store(author, content)
            entries.append(FileEntry(path, sha256_hex(content), len(content), media_type))
        version = author.catalog.create_version(
            kind.name,
            NewVersion(
                files=Manifest.of(entries),
                label=f"{1 + number // 10}.{number % 10}.0",
                description=_WORDS[number % len(_WORDS)],
                params=params,
                metrics=metrics,
                framework=kind.framework,
                signature=Signature(
                    kind.inputs, (Variable("score", VariableType.NUMERIC, "float64"),)
                ),
                tags={"team": kind.team, "trained_on": "gpu" if number % 3 else "cpu"},
                run_id=sha256_hex(f"{kind.name} run {number}".encode())[:32],
                origins=tuple(self._origins(kind, number)),
            ),
            create_model=True,
        ).version
        self._newest[kind.name] = version
        if version == 1:
            self._introduce(kind)
        if parent := self._newest.get(kind.grown_from):
            node = Node(NodeKind.VERSION, f"{kind.grown_from}/{parent}")
            author.lineage.link(kind.name, version, node, Relation.FINE_TUNED_FROM)
        author.catalog.set_alias(kind.name, "challenger", version)
        verdict = Verdict.FAIL if self._random.random() < 0.12 else Verdict.PASS
        self._later(timedelta(hours=1), partial(self._check, kind, version, verdict))
        metric = kind.metrics[0]
        better = (metrics[metric.name] - best[0]) * (1 if metric.gains > 0 else -1) > 0
        if better and verdict is Verdict.PASS and self._random.random() < 0.55:
            best[0] = metrics[metric.name]
            self._later(timedelta(hours=5), partial(self._stage, kind, version))

    def _store(self, author: Services, content: bytes) -> None:
        digest = sha256_hex(content)
        if digest not in self._stored:
            with author.artifacts.receive() as intake:
                intake.write(content)
                intake.finish()
            self._stored.add(digest)

    def _introduce(self, kind: Kind) -> None:
        tags = {"team": kind.team, "owner": kind.author, "headline_metric": kind.metrics[0].name}
        self._as(kind.author).catalog.update_model(
            kind.name, ModelChanges(description=kind.about, tags=tags)
        )

    def _origins(self, kind: Kind, number: int) -> Iterator[Origin]:
        month = (self.now - timedelta(days=20)).strftime("%Y-%m")
        data = f"{kind.team}-events-{month}"
        commit = sha256_hex(f"{kind.name} {number}".encode())[:40]
        run = sha256_hex(f"{kind.name} run {number}".encode())[:32]
        uri = f"s3://lake/{kind.team}/{month}.parquet"
        yield Origin(Node(NodeKind.DATASET, uri, data, uri), Relation.TRAINED_ON)
        yield Origin(
            Node(NodeKind.COMMIT, f"git@git.example:{kind.team}/{kind.name}@{commit}", commit[:12]),
            Relation.BUILT_FROM,
        )
        yield Origin(Node(NodeKind.RUN, run, f"{kind.name}-{number}"), Relation.PRODUCED_BY)

    # -- what becomes of them --------------------------------------------------------------------

    def _check(self, kind: Kind, version: int, verdict: Verdict) -> None:
        checks = self._as("ci-checks").checks
        worse = ("the false positive rate differs by 7 % between groups",)
        checks.report(
            kind.name, version, "bias", verdict, findings=worse if verdict is Verdict.FAIL else ()
        )
        checks.report(kind.name, version, "latency", Verdict.PASS)

    def _stage(self, kind: Kind, version: int) -> None:
        author = self._as(kind.author)
        author.lifecycle.move_to_stage(kind.name, version, "Staging", comment="Shadow traffic.")
        asked = timedelta(days=self._random.uniform(1, 6))
        self._later(asked, partial(self._ask, kind, version))

    def _ask(self, kind: Kind, version: int) -> None:
        asked = self._as(kind.author).lifecycle.request_transition(
            kind.name,
            version,
            "Production",
            archive_existing=True,
            comment="A week of shadow traffic looks good.",
        )
        reviewers = [name for name in REVIEWERS[kind.team] if name != kind.author]
        reviewers += [name for name in ("tim",) if kind.team == "risk"]
        wait = timedelta(hours=self._random.uniform(2, 90))
        if self.now > self._end - _UNREVIEWED:
            self._later(wait / 9, partial(self._say, kind, asked.id, reviewers[0], _QUESTION))
            return
        if self._random.random() < 0.15:
            self._later(wait, partial(self._reject, asked.id, reviewers[0]))
            return
        if self._random.random() < 0.5:
            self._later(wait / 3, partial(self._say, kind, asked.id, reviewers[0], _QUESTION))
            self._later(wait / 2, partial(self._say, kind, asked.id, kind.author, _ANSWER))
        needed = 2 if kind.team == "risk" else 1
        for nth, name in enumerate(reviewers[:needed]):
            self._later(wait * (1 + nth / 2), partial(self._approve, asked.id, name))
        self._later(wait * 2, partial(self._serve, kind, version))

    def _say(self, kind: Kind, request: int, who: str, text: str) -> None:
        self._as(who).comments.add(kind.name, text, request=request)

    def _reject(self, request: int, reviewer: str) -> None:
        self._as(reviewer).lifecycle.reject(
            request, comment="The gain is within the noise. Another month of data, please."
        )

    def _approve(self, request: int, reviewer: str) -> None:
        self._as(reviewer).lifecycle.approve(request, comment="Numbers checked.", force=True)

    def _serve(self, kind: Kind, version: int) -> None:
        """Let a version that is in Production be deployed and used, unless another came between."""
        services = self._as("ci-deploy")
        found = services.catalog.version(kind.name, version)
        if found.stage != "Production":
            return
        services.catalog.set_alias(kind.name, "champion", version)
        api = f"{kind.name}-api"
        late = self._random.random() < 0.2  # it still runs what was there before
        services.deployments.declare(
            kind.name,
            "production",
            api,
            stage="Production",
            running=None if late else version,
            status=DeploymentStatus.RUNNING,
            url=f"https://{api}.example",
        )
        services.deployments.declare(kind.name, "staging", api, alias="challenger")
        if kind.versions > 15:
            services.deployments.declare(kind.name, "batch", "nightly-scoring", version=version)
        for job in self._random.sample(_JOBS, 2):
            at = self.now + timedelta(hours=self._random.uniform(1, 60))
            caller = Caller("ci-deploy", consumer=job)
            self._observer.note(found, caller, UseKind.DOWNLOAD, min(at, self._end))


_WORDS: Final = (
    "More trees, shallower.",
    "Trained on another month of events; the features are the same.",
    "Without the feature that leaked the label. Calibrated on the last two weeks.",
    "Early stopping, and class weights that follow last quarter's base rate.",
    "Same as before with another seed, to see how far it scatters.",
    "A new feature from the account's history.",
)
