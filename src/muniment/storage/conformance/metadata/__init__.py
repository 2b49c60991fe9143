"""The suite that every MetadataStore passes. In a test file of yours, one line:

    class TestMyStore(MetadataStoreSuite): open_store = staticmethod(open_my_store)

`open_store` takes a path that nobody else uses, in a folder that exists (a store that is no file
makes a name of it), and opens the store that is there, or a new one. It is called several times
for one path, in other processes too, so it must be a function at the top of a module.

    contract.py    what all parts stand on: the store, the clock, makers of entities
    writing.py     transact: atomicity, names, history, references, idempotency
    keeping.py     every field and value exactly as given, also after opening the store again
    reading.py     what is visible when: names, aliases, labels, stages, deletion, restoration
    search.py      filters and orders compared with `muniment.domain.evaluate`, and paging
                   (over the models of population.py, with the queries of queries.py)
    contents.py    blobs, leases, manifests, uploads, purging, totals
    files.py       files outside of versions: put, listed, dropped; their blobs are in use
    records.py     records of models: filed, changed, found by every combination
    stages.py      stages of a workspace, replaced by compare-and-swap
    documents.py   what workspaces have settled, replaced by compare-and-swap
    uses.py        uses of versions: they add up
    histories.py   histories by kind and time, and what happened in a whole workspace
    wholes.py      what moves a registry: everything read, and written again as it was
    threads.py     many threads at one model and at many
    deaths.py      processes that die anywhere: what was acknowledged is there, nothing else is
"""

from __future__ import annotations

from muniment.storage.conformance.metadata.contents import ContentsSuite
from muniment.storage.conformance.metadata.deaths import DeathsSuite
from muniment.storage.conformance.metadata.documents import DocumentsSuite
from muniment.storage.conformance.metadata.files import FilesSuite
from muniment.storage.conformance.metadata.histories import HistoriesSuite
from muniment.storage.conformance.metadata.keeping import KeepingSuite
from muniment.storage.conformance.metadata.reading import ReadingSuite
from muniment.storage.conformance.metadata.records import RecordsSuite
from muniment.storage.conformance.metadata.search import SearchSuite
from muniment.storage.conformance.metadata.stages import StagesSuite
from muniment.storage.conformance.metadata.threads import ThreadsSuite
from muniment.storage.conformance.metadata.uses import UsesSuite
from muniment.storage.conformance.metadata.wholes import WholesSuite
from muniment.storage.conformance.metadata.writing import WritingSuite

__all__ = ["MetadataStoreSuite"]


class MetadataStoreSuite(
    WritingSuite,
    KeepingSuite,
    ReadingSuite,
    SearchSuite,
    ContentsSuite,
    FilesSuite,
    RecordsSuite,
    StagesSuite,
    DocumentsSuite,
    UsesSuite,
    HistoriesSuite,
    WholesSuite,
    ThreadsSuite,
    DeathsSuite,
):
    """Everything that the port promises."""
