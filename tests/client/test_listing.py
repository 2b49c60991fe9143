"""Lists that are fetched while they are read."""

from __future__ import annotations

import pytest

from muniment import InvalidInput, Registry
from muniment.errors import InvalidFilter, InvalidPageToken


@pytest.fixture
def filled(registry: Registry, name: str) -> Registry:
    for number in range(1, 8):
        registry.push(name, b"same", metrics={"auc": number / 10, "odd": number % 2})
    return registry


def test_pages_lead_from_one_to_the_next(filled: Registry, name: str) -> None:
    versions = filled.model(name).versions()

    first = versions.page(size=3)
    second = versions.page(first.next_token, size=3)
    third = versions.page(second.next_token, size=3)

    found = [[v.version for v in page.items] for page in (first, second, third)]
    assert found == [[7, 6, 5], [4, 3, 2], [1]]
    assert third.next_token is None


def test_iterating_reads_all_of_it_each_time_anew(filled: Registry, name: str) -> None:
    versions = filled.versions("metrics.auc >= 0.4", model=name, order_by="metrics.auc DESC")

    assert [version.version for version in versions] == [7, 6, 5, 4]
    assert [version.version for version in versions.all()] == [7, 6, 5, 4]
    filled.push(name, b"better", metrics={"auc": 0.99})
    first = versions.first()
    assert first is not None
    assert first.version == 8


def test_several_keys_order(filled: Registry, name: str) -> None:
    versions = filled.versions(model=name, order_by=["metrics.odd DESC", "version ASC"])

    assert [version.version for version in versions] == [1, 3, 5, 7, 2, 4, 6]


def test_nothing_is_asked_before_it_is_read(filled: Registry) -> None:
    listing = filled.versions("this is no filter")

    with pytest.raises(InvalidFilter) as caught:
        listing.first()
    assert caught.value.details["column"]
    with pytest.raises(InvalidPageToken):
        filled.versions().page("made up")
    with pytest.raises(InvalidInput):
        filled.versions().page(size=0)


def test_an_empty_list_has_no_first(filled: Registry, name: str) -> None:
    assert filled.versions("metrics.auc > 1", model=name).first() is None


def test_what_was_deleted_is_listed_apart(filled: Registry, name: str) -> None:
    filled.delete_version(f"{name}/3")

    assert [v.version for v in filled.versions(model=name, deleted=True)] == [3]
    assert 3 not in [v.version for v in filled.versions(model=name)]


def test_history_is_read_from_either_end(filled: Registry, name: str) -> None:
    newest = [entry.sequence for entry in filled.history(name)]
    oldest = [entry.sequence for entry in filled.history(name, newest_first=False)]

    assert newest == oldest[::-1]
    assert oldest[0] == 1
