"""The suite that every WebhookStore and LeaseStore passes. In a test file of yours, one line:

    class TestMyStore(WebhookStoreSuite): open_stores = staticmethod(open_my_stores)

`open_stores` takes a path that nobody else uses, in a folder that exists, and opens the stores
that are there, or new ones: the MetadataStore, the WebhookStore and the LeaseStore of one
database. It is called several times for one path. Closing the MetadataStore closes all.

    contract.py      what all parts stand on: the stores, makers of webhooks and deliveries
    keeping.py       webhooks; who is told of them
    dispatching.py   which activities were not dispatched, and what becomes of them
    delivering.py    what is due, for whom; history; who may
"""

from __future__ import annotations

from muniment.storage.conformance.webhooks.delivering import DeliveringSuite
from muniment.storage.conformance.webhooks.dispatching import DispatchingSuite
from muniment.storage.conformance.webhooks.keeping import KeepingSuite

__all__ = ["WebhookStoreSuite"]


class WebhookStoreSuite(KeepingSuite, DispatchingSuite, DeliveringSuite):
    """Everything that the ports promise."""
