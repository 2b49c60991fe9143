"""Results of checks on versions, which the policies of stages look at."""

from __future__ import annotations

from dataclasses import replace

from muniment.domain.access import Verb
from muniment.domain.activities import ActivityKind
from muniment.domain.checks import CheckResult, Verdict
from muniment.domain.records import RecordKind, RecordQuery
from muniment.domain.values import JsonObject
from muniment.services.base import live_version
from muniment.services.checking.state import settle_checks
from muniment.services.records import Records
from muniment.storage.metadata import Transaction


class Checks(Records):
    """Verdicts on versions, for one caller."""

    def report(
        self,
        model: str,
        number: int,
        name: str,
        verdict: Verdict,
        *,
        findings: tuple[str, ...] = (),
        url: str = "",
    ) -> CheckResult:
        """Note what a check said of a version. The latest verdict of each name counts."""

        def decide(tx: Transaction) -> CheckResult:
            parent = self._model(tx, model, Verb.UPDATE_VERSION)
            live_version(tx, parent, number)
            now = self._now(parent)
            result = CheckResult(
                model=parent.name,
                version=number,
                name=name,
                verdict=verdict,
                findings=findings,
                url=url,
                created_at=now,
                created_by=self._caller.actor,
                model_id=parent.id,
            )
            result = self._add(tx, result)
            settle_checks(tx, number)
            return result

        return self._store.transact(self._key(model), decide)

    def _add(self, tx: Transaction, result: CheckResult) -> CheckResult:
        """File a result in a transaction, and write it into the history; `settle_checks` after."""
        result = replace(result, id=tx.add_record(result.checked().to_record()).id)
        details: JsonObject = {
            "check": result.name,
            "verdict": result.verdict.value,
            "result": result.id,
        }
        tx.record(
            self._entry(
                ActivityKind.CHECK_REPORTED,
                result.created_at,
                version=result.version,
                details=details,
            )
        )
        return result

    def results(self, model: str, number: int) -> list[CheckResult]:
        """Return the latest result of each check of a version, by the checks' names."""
        parent = self._readable(model)
        latest: dict[str, CheckResult] = {}
        query = RecordQuery(
            self._caller.workspace,
            RecordKind.CHECK,
            model_id=parent.id,
            version=number,
            limit=1_000,
        )
        while True:
            records = self._store.find_records(query)
            for record in records:
                result = CheckResult.from_record(record, parent.name)
                latest[result.name] = result
            if len(records) < query.limit:
                return [latest[name] for name in sorted(latest)]
            query = replace(query, after=records[-1].id)
