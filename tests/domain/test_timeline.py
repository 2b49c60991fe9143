"""Tenures: read off a history, they are what a day-by-day account of it would say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from muniment.domain.activities import Activity, ActivityKind, Entry, chain
from muniment.domain.timeline import KINDS, Post, Tenure, Undone, holders, tenures
from tests.domain.making import NOON, later

STAGES = ("None", "Staging", "Production")
ALIASES = ("champion", "Champion")
NUMBERS = (1, 2, 3)


@dataclass
class Registry:
    """One model, naively: what holds what, changed step by step, and the history of it."""

    aliases: dict[str, int] = field(default_factory=dict)
    stages: dict[int, str] = field(default_factory=lambda: dict.fromkeys(NUMBERS, "None"))
    deleted: set[int] = field(default_factory=set)
    purged: set[int] = field(default_factory=set)
    history: list[Activity] = field(default_factory=list)

    def note(self, kind: ActivityKind, version: int | None, **details: Any) -> None:
        entry = Entry(kind, "ada", later(len(self.history)), version, "why", details)
        sequence = len(self.history) + 1
        self.history.append(chain(entry, model_uuid="u", sequence=sequence, previous=""))

    def step(self, what: str, number: int, name: str) -> None:
        """Do what the services would, if they would."""
        live = number not in self.deleted | self.purged
        alias, stage = ALIASES[len(name) % 2], name
        if what == "alias" and live:
            self.note(
                ActivityKind.ALIAS_SET,
                number,
                alias=alias,
                **{"from": self.aliases.get(alias), "to": number},
            )
            self.aliases[alias] = number
        elif what == "unalias" and alias in self.aliases:
            number = self.aliases.pop(alias)
            self.note(ActivityKind.ALIAS_DELETED, number, alias=alias, **{"from": number})
        elif what == "stage" and live and self.stages[number] != stage:
            self.note(
                ActivityKind.STAGE_CHANGED,
                number,
                **{"from": self.stages[number], "to": stage},
            )
            self.stages[number] = stage
        elif what == "delete" and live:
            gone = [alias for alias, n in self.aliases.items() if n == number]
            self.aliases = {alias: n for alias, n in self.aliases.items() if n != number}
            self.deleted.add(number)
            self.note(ActivityKind.VERSION_DELETED, number, aliases=gone)
        elif what == "restore" and number in self.deleted - self.purged:
            self.deleted.remove(number)
            self.note(ActivityKind.VERSION_RESTORED, number)
        elif what == "purge" and number not in self.purged:
            # as when the model was deleted: nobody has taken its aliases away before
            self.aliases = {alias: n for alias, n in self.aliases.items() if n != number}
            self.purged.add(number)
            self.note(ActivityKind.VERSION_PURGED, number, digest=None)
        else:
            self.note(ActivityKind.VERSION_UPDATED, number, alias="champion", to=number)

    def held(self) -> set[tuple[Post, str, int]]:
        """Return who holds what now."""
        gone = self.deleted | self.purged
        found = {(Post.ALIAS, alias, n) for alias, n in self.aliases.items()}
        return found | {
            (Post.STAGE, stage, n)
            for n, stage in self.stages.items()
            if stage != "None" and n not in gone
        }


steps = st.lists(
    st.tuples(
        st.sampled_from(["alias", "unalias", "stage", "stage", "delete", "restore", "purge"]),
        st.sampled_from(NUMBERS),
        st.sampled_from(STAGES),
    ),
    max_size=40,
)


@given(steps)
def test_tenures_say_at_every_time_who_held_what(made: Sequence[tuple[str, int, str]]) -> None:
    registry, moments = Registry(), []
    for step in made:
        registry.step(*step)
        moments.append((later(len(registry.history) - 1), registry.held()))
    found = tenures(registry.history)
    assert not [t for t in found if t.at(later(-1))]
    for time, held in moments:
        assert {(t.post, t.name, t.version) for t in found if t.at(time)} == held
        for post, name, number in held:
            holding = holders(found, post, name, time)
            assert number in [t.version for t in holding]
            assert [t.version for t in holding] == sorted(t.version for t in holding)
    kinds = {kind.value for kind in KINDS}
    assert found == tenures(a for a in registry.history if a.kind in kinds)
    assert [t.sequence for t in found] == sorted(t.sequence for t in found)


@given(steps)
def test_tenures_have_a_beginning_and_an_end_in_the_history(
    made: Sequence[tuple[str, int, str]],
) -> None:
    registry = Registry()
    for step in made:
        registry.step(*step)
    for tenure in tenures(registry.history):
        begun = registry.history[tenure.sequence - 1]
        assert (tenure.since, tenure.by, tenure.comment) == (begun.at, "ada", begun.comment)
        assert (tenure.until is None) == (tenure.ended is None)
        if tenure.ended is not None:
            assert registry.history[tenure.ended - 1].at == tenure.until
            assert tenure.ended > tenure.sequence


def test_a_protected_flag_that_changes_ends_no_tenure() -> None:
    registry = Registry()
    for _ in range(2):
        registry.step("alias", 1, "None")
    (tenure,) = tenures(registry.history)
    assert (tenure.sequence, tenure.until) == (1, None)


def test_the_case_of_a_stage_does_not_matter_and_that_of_an_alias_does() -> None:
    registry = Registry()
    registry.step("stage", 2, "Production")
    registry.step("stage", 1, "Production")
    registry.step("alias", 1, "None")
    found = tenures(registry.history)
    assert [t.version for t in holders(found, Post.STAGE, "PRODUCTION", later(2))] == [1, 2]
    assert [t.version for t in holders(found, Post.STAGE, "production", later(0))] == [2]
    alias = next(t.name for t in found if t.post is Post.ALIAS)
    assert [t.version for t in holders(found, Post.ALIAS, alias, later(2))] == [1]
    assert holders(found, Post.ALIAS, alias.swapcase(), later(2)) == []


def test_a_tenure_begins_when_it_does_and_is_over_when_it_ends() -> None:
    tenure = Tenure(Post.STAGE, "QA", 1, NOON, "ada", 3, "why", later(5), 9)
    assert [tenure.at(later(n)) for n in (-1, 0, 4, 5, 6)] == [False, True, True, False, False]
    assert replace(tenure, until=None).at(later(10**6))
    assert tenure.to_json() == {
        "post": "stage",
        "name": "QA",
        "version": 1,
        "since": "2026-11-21T12:00:00.000Z",
        "until": "2026-11-21T12:00:05.000Z",
        "by": "ada",
        "comment": "why",
        "sequence": 3,
        "ended": 9,
    }
    assert replace(tenure, until=None).to_json()["until"] is None


def test_tenures_and_rollbacks_are_read_back_as_they_are_written() -> None:
    held = Tenure(Post.STAGE, "Production", 3, NOON, "ada", 7, "better")
    for tenure in (held, replace(held, post=Post.ALIAS, until=NOON, ended=9)):
        assert Tenure.from_json(tenure.to_json()) == tenure
    undone = Undone(Post.ALIAS, "champion", (1,), (2, 3))
    assert Undone.from_json(undone.to_json()) == undone
