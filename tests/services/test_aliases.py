"""Aliases: movable, compared and swapped, protected."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from muniment.domain.changes import NewVersion
from muniment.domain.refs import parse_ref
from muniment.errors import Conflict, InvalidInput, NotFound, PreconditionFailed

from .conftest import House


@pytest.fixture
def three(house: House) -> House:
    for _ in range(3):
        house.catalog.create_version("m", NewVersion(source_uri="x:y"), create_model=True)
    return house


def test_an_alias_moves_and_shows_on_both_sides(three: House) -> None:
    three.catalog.set_alias("m", "champion", 1)
    three.catalog.set_alias("m", "champion", 2)
    three.catalog.set_alias("m", "Champion", 3)
    assert dict(three.catalog.model("m").aliases) == {"Champion": 3, "champion": 2}
    assert [three.catalog.version("m", n).aliases for n in (1, 2, 3)] == [
        (),
        ("champion",),
        ("Champion",),
    ]
    assert [a.name for a in three.catalog.aliases("m")] == ["Champion", "champion"]


@pytest.mark.parametrize(
    "alias",
    ["latest", "LATEST", "v1", "V22", "", "a b", "a/b", "a.b", "a\n"],
)
def test_reserved_and_misleading_aliases_are_refused(three: House, alias: str) -> None:
    with pytest.raises(InvalidInput):
        three.catalog.set_alias("m", alias, 1)


@pytest.mark.parametrize("alias", ["3", "a" * 40, "0" * 64, "sha256x", "v", "v1a", "-", "_", "ü"])
def test_what_other_registries_take_as_an_alias_is_one_here(three: House, alias: str) -> None:
    three.catalog.set_alias("m", alias, 1)
    assert three.catalog.resolve(parse_ref(f"m@{alias}")).version == 1


def test_compare_and_swap(three: House) -> None:
    with pytest.raises(PreconditionFailed):
        three.catalog.set_alias("m", "champion", 1, expect=2)
    three.catalog.set_alias("m", "champion", 1, expect=0)
    with pytest.raises(PreconditionFailed) as caught:
        three.catalog.set_alias("m", "champion", 2, expect=0)
    assert caught.value.details["version"] == 1
    three.catalog.set_alias("m", "champion", 2, expect=1)
    with pytest.raises(PreconditionFailed):
        three.catalog.delete_alias("m", "champion", expect=1)
    three.catalog.delete_alias("m", "champion", expect=2)
    three.catalog.delete_alias("m", "champion")


def test_of_many_swaps_exactly_one_wins(three: House) -> None:
    three.catalog.set_alias("m", "champion", 1)

    def swap(_: int) -> bool:
        try:
            three.catalog.set_alias("m", "champion", 2, expect=1)
        except PreconditionFailed:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(swap, range(16))) == 1


def test_a_protected_alias_moves_only_on_purpose(three: House) -> None:
    three.catalog.set_alias("m", "champion", 1, protected=True)
    with pytest.raises(PreconditionFailed, match="expect=1"):
        three.catalog.set_alias("m", "champion", 2)
    with pytest.raises(PreconditionFailed):
        three.catalog.delete_alias("m", "champion")
    with pytest.raises(Conflict, match="champion"):
        three.catalog.delete_version("m", 1)
    with pytest.raises(Conflict, match="champion"):
        three.catalog.delete_model("m")
    assert three.catalog.set_alias("m", "champion", 2, expect=1).protected
    three.catalog.set_alias("m", "champion", 2, protected=False)
    three.catalog.delete_version("m", 2)


def test_deleting_a_version_drops_its_aliases(three: House) -> None:
    three.catalog.set_alias("m", "champion", 2)
    three.catalog.delete_version("m", 2)
    assert dict(three.catalog.model("m").aliases) == {}
    three.catalog.restore_version("m", 2)
    with pytest.raises(NotFound):
        three.catalog.resolve(parse_ref("m@champion"))
    with pytest.raises(NotFound):
        three.catalog.set_alias("m", "champion", 9)
