from __future__ import annotations

from datetime import timedelta

from muniment.domain.access import Role
from muniment.domain.garbage import GarbageReport
from muniment.server.web.storage import shares, told
from muniment.storage.metadata import StorageTotals
from tests.server.people import House
from tests.web.conftest import stock
from tests.web.visiting import Visitor


def test_it_says_what_is_stored_and_what_is_saved(house: House, visitor: Visitor) -> None:
    assert "Nothing is stored yet." in visitor.get("/storage").text
    for _ in range(4):
        stock(house, "fraud", b"x" * 10_240)
    page = visitor.get("/storage")
    assert "40 KiB in 4 versions of 1 model" in page.text
    totals = house.owner.housekeeping.totals()
    part = round(100 * totals.stored_bytes / totals.logical_bytes)
    assert part < 50
    assert f"once ({100 - part} %)" in page.text
    assert f'aria-label="{part} % of the bytes' in page.html
    assert "Free it" not in page.text


def test_what_nobody_needs_is_found_told_and_freed(house: House, visitor: Visitor) -> None:
    stock(house, "fraud", b"kept")
    version = stock(house, "fraud", b"x" * 10_240)
    house.owner.catalog.delete_version("fraud", version.version)
    page = visitor.get("/storage")
    assert "There is nothing to free." in visitor.get(page.links["Look for what can be freed"]).text
    house.clock.ahead = timedelta(days=40)
    page = visitor.get("/storage?garbage=1")
    assert "Versions deleted long ago 1" in page.text
    assert (
        "1 version that was deleted more than 30 days ago can't be restored any more." in page.text
    )
    assert house.owner.housekeeping.totals().stored_bytes > 10_240, "looking changes nothing"
    done = visitor.do("/storage?garbage=1", "/storage")
    assert "1 deleted version." in done.text
    assert "Freed 10" in done.text
    assert house.owner.housekeeping.totals().stored_bytes < 10_240


def test_a_form_from_elsewhere_frees_nothing(house: House, visitor: Visitor) -> None:
    stock(house, "fraud")
    answer = house.client.post("/storage", data={"form": "made up"})
    assert answer.status_code == 400


def test_only_who_keeps_the_whole_house_sees_it(house: House) -> None:
    house.person("root", Role.ADMIN)
    house.person("ada", Role.APPROVER)
    assert Visitor(house, "ada").get("/storage").status == 403


def test_what_was_done_is_said_in_words() -> None:
    assert told(GarbageReport(dry_run=False)) == "There was nothing to free."
    report = GarbageReport(dry_run=False, blobs=2, bytes=2048, purged_versions=1, uploads=3)
    assert told(report) == "Freed 2 KiB: 2 blobs, 1 deleted version, 3 abandoned uploads."
    assert told(GarbageReport(dry_run=False, manifests=1)) == "Freed 0 B."


def test_the_bar_stays_within_its_frame_though_more_is_stored_than_counted() -> None:
    assert shares(StorageTotals(0, 0, 0, 0, 0, 0)) == ""
    assert 'width="100.00"' in shares(StorageTotals(1, 1, 0, 10, 2, 20))
