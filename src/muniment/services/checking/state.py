"""What the checks of a version say together, kept with the version."""

from __future__ import annotations

from muniment.domain.checking import CHECK_KINDS, check_state
from muniment.domain.replacing import replace
from muniment.storage.metadata import Transaction


def settle_checks(tx: Transaction, number: int) -> None:
    """Bring a version's `checks` up to date, in the transaction that files or drops their records.

    Deleted ones, too: they may be restored. It is no update of `updated_at`, as a verdict is none.
    """
    version = tx.version(number)
    if version is None:
        return
    state = check_state(
        record for kind in CHECK_KINDS for record in tx.records(kind, version=number)
    )
    if state is not version.checks:
        tx.save_version(replace(version, checks=state, revision=version.revision + 1))
