"""The suite that every AccountStore passes. In a test file of yours, one line:

    class TestMyStore(AccountStoreSuite): open_stores = staticmethod(open_my_stores)

`open_stores` takes a path that nobody else uses, in a folder that exists, and opens the stores
that are there, or new ones: the MetadataStore and the AccountStore of one database. It is called
several times for one path. Closing the MetadataStore closes both.

    contract.py    what all parts stand on: the stores, makers of accounts
    people.py      users, grants, tokens, sessions, failed sign-ins
    holding.py     who may name a blob: claims, and the models that hold it
    audit.py       the audit log: one chain, whoever writes, whatever is cut off
"""

from __future__ import annotations

from muniment.storage.conformance.accounts.audit import AuditSuite
from muniment.storage.conformance.accounts.holding import HoldingSuite
from muniment.storage.conformance.accounts.people import PeopleSuite

__all__ = ["AccountStoreSuite"]


class AccountStoreSuite(PeopleSuite, HoldingSuite, AuditSuite):
    """Everything that the port promises."""
