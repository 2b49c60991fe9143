"""Many callers at once, on both servers: who wins is left to chance, the sum is not."""

from __future__ import annotations

from typing import Any

from tests.mlflow.twin import Answer, Twin

CALLERS = 8
"""MLflow's server has 15 connections to its database, and a call may take two."""


def model(twin: Twin, versions: int = 0) -> str:
    name = twin.name()
    twin.post("registered-models/create", name=name).ok()
    for _ in range(versions):
        twin.post("model-versions/create", name=name, source="s3://bucket/a").ok()
    return name


def numbers(answers: list[Answer]) -> tuple[list[int], list[int]]:
    def of(side: str) -> list[int]:
        bodies = [getattr(answer, side).body for answer in answers]
        return sorted(int(body["model_version"]["version"]) for body in bodies)

    return of("theirs"), of("ours")


def test_versions_made_at_once_have_all_numbers_without_a_gap(twin: Twin) -> None:
    name = model(twin)
    fields: dict[str, Any] = {"name": name, "source": "s3://bucket/a"}
    answers = twin.together([("POST", "model-versions/create", fields)] * CALLERS)
    expected = list(range(1, CALLERS + 1))
    assert numbers(answers) == (expected, expected)
    twin.get("registered-models/get", name=name)
    twin.get("model-versions/search", filter=f"name = '{name}'", order_by=["version_number"])


def test_one_of_many_creators_of_a_name_wins(twin: Twin) -> None:
    fields = {"name": twin.name()}
    answers = twin.together([("POST", "registered-models/create", fields)] * CALLERS)
    for side in ("theirs", "ours"):
        statuses = [getattr(answer, side).status for answer in answers]
        assert sorted(statuses) == [200] + [400] * (CALLERS - 1)
    twin.get("registered-models/get", name=twin.name())


def test_an_alias_moved_at_once_stays_one(twin: Twin) -> None:
    name = model(twin, 4)
    twin.together(
        [
            (
                "POST",
                "registered-models/alias",
                {"name": name, "alias": "best", "version": str(number % 4 + 1)},
            )
            for number in range(CALLERS)
        ]
    )
    answer = twin.get("registered-models/get", name=name)
    twin.differences.clear()  # which version it ended on is chance
    for side in (answer.theirs, answer.ours):
        assert len(side.body["registered_model"]["aliases"]) == 1


def test_a_version_is_deleted_once(twin: Twin) -> None:
    name = model(twin, 2)
    fields = {"name": name, "version": "1"}
    answers = twin.together([("DELETE", "model-versions/delete", fields)] * 8)
    assert 200 in {answer.theirs.status for answer in answers}
    ours = sorted(answer.ours.status for answer in answers)
    assert ours == [200] + [404] * 7
    twin.differences.clear()  # MLflow may answer several that they deleted it
    twin.get("registered-models/get", name=name)
    twin.get("model-versions/get", name=name, version="1")


def test_versions_and_tags_and_aliases_at_once(twin: Twin) -> None:
    name = model(twin, 1)
    calls: list[tuple[str, str, dict[str, Any]]] = []
    for number in range(4):
        calls += [
            ("POST", "model-versions/create", {"name": name, "source": "s3://bucket/b"}),
            ("POST", "registered-models/set-tag", {"name": name, "key": f"k{number}", "value": ""}),
            (
                "POST",
                "model-versions/set-tag",
                {"name": name, "version": "1", "key": f"k{number}", "value": "v"},
            ),
            (
                "POST",
                "registered-models/alias",
                {"name": name, "alias": f"a{number}", "version": "1"},
            ),
        ]
    twin.together(calls)
    answers = [
        twin.get("registered-models/get", name=name).pick("registered_model"),
        twin.get("model-versions/get", name=name, version="1").pick("model_version"),
    ]
    twin.differences.clear()  # in which order they came is chance
    for found in (found for pair in answers for found in (pair.theirs, pair.ours)):
        assert sorted(tag["key"] for tag in found["tags"]) == ["k0", "k1", "k2", "k3"]
        assert len(found["aliases"]) == 4


def test_transitions_at_once_leave_one_version_in_the_stage(twin: Twin) -> None:
    name = model(twin, 6)
    twin.together(
        [
            (
                "POST",
                "model-versions/transition-stage",
                {
                    "name": name,
                    "version": str(number),
                    "stage": "Production",
                    "archive_existing_versions": True,
                },
            )
            for number in range(1, 7)
        ]
    )
    answer = twin.get("model-versions/search", filter=f"name = '{name}'")
    twin.differences.clear()  # which one it is is chance
    stages = [version["current_stage"] for version in answer.ours.body["model_versions"]]
    assert sorted(stages) == ["Archived"] * 5 + ["Production"]


def test_renaming_to_one_name_at_once(twin: Twin) -> None:
    names = [twin.name(str(number)) for number in range(8)]
    for name in names:
        twin.post("registered-models/create", name=name).ok()
    new = twin.name("new")
    answers = twin.together(
        [("POST", "registered-models/rename", {"name": name, "new_name": new}) for name in names]
    )
    for side in ("theirs", "ours"):
        assert [getattr(answer, side).status for answer in answers].count(200) == 1
    answer = twin.get("registered-models/search", filter=f"name LIKE '{twin.unique}%'")
    twin.differences.clear()  # which one was first is chance
    for found in (answer.theirs, answer.ours):
        assert len(found.body["registered_models"]) == len(names)
