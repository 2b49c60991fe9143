"""Random walks: the same hundreds of calls to both servers, over a few names, all compared.

A seed is a walk, always the same, so that what one finds can be looked at again:
`pytest tests/mlflow/test_walks.py -k 'seed3'`.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tests.mlflow.twin import Twin

STEPS = 100
STAGES = ("None", "Staging", "Production", "Archived", "production", "Nowhere")
ALIASES = ("best", "Best", "next", "latest", "v1", "a-b_c", "bad/alias")
KEYS = ("team", "Team", "a.b", "with space", "mlflow.prompt.is_prompt", "bad@key")
VALUES = ("true", "false", "", "Red", "it's", "x" * 300)
NUMBERS = ("1", "2", "3", "4", "5", "01", "0", "latest", "99")
SOURCES = ("s3://bucket/a", "s3://bucket/../a", "gs://bucket/b", "https://host/a", "dbfs:/a")
WORDS = (None, "", "words", "größe 🚀")


class Walk:
    """One walk: what to do next is drawn from `chance`."""

    def __init__(self, twin: Twin, seed: int) -> None:
        self.twin = twin
        self.chance = random.Random(seed)
        self.names = [twin.name(stem) for stem in ("a", "B", "ü x")]
        self.steps: list[tuple[int, Callable[[], object]]] = [
            (4, self.create_model),
            (10, self.create_version),
            (3, self.copy_version),
            (2, self.update_model),
            (3, self.update_version),
            (5, self.transition),
            (5, self.set_alias),
            (2, self.delete_alias),
            (4, self.tag),
            (2, self.untag),
            (2, self.rename),
            (3, self.delete_version),
            (1, self.delete_model),
            (3, self.search),
        ]

    def run(self) -> None:
        weights, steps = zip(*self.steps, strict=True)
        for _ in range(STEPS):
            self.chance.choices(steps, weights)[0]()
            self.look()
            self.twin.check()  # what comes after a difference only repeats it
        for name in self.names:
            self.twin.get("registered-models/get", name=name)
            self.twin.get("model-versions/search", filter=f"name = '{name}'")

    def look(self) -> None:
        name, version = self.name(), self.number()
        self.twin.get("registered-models/get", name=name)
        self.chance.choice(
            [
                lambda: self.twin.get("model-versions/get", name=name, version=version),
                lambda: self.twin.get(
                    "model-versions/get-download-uri", name=name, version=version
                ),
                lambda: self.twin.get("registered-models/alias", name=name, alias=self.alias()),
                lambda: self.twin.post("registered-models/get-latest-versions", name=name),
            ]
        )()

    def name(self) -> str:
        return self.chance.choice(self.names)

    def number(self) -> str:
        return self.chance.choice(NUMBERS)

    def alias(self) -> str:
        return self.chance.choice(ALIASES)

    def tags(self) -> list[dict[str, str]]:
        return [
            {"key": self.chance.choice(KEYS[:4]), "value": self.chance.choice(VALUES)}
            for _ in range(self.chance.randrange(3))
        ]

    def create_model(self) -> None:
        self.twin.post(
            "registered-models/create",
            name=self.name(),
            description=self.chance.choice(WORDS),
            tags=self.tags(),
        )

    def create_version(self) -> None:
        self.twin.post(
            "model-versions/create",
            name=self.name(),
            source=self.chance.choice(SOURCES),
            run_id=self.chance.choice([None, "", "run1", "run2"]),
            description=self.chance.choice(WORDS),
            tags=self.tags(),
        )

    def copy_version(self) -> None:
        end = self.chance.choice([f"/{self.number()}", f"@{self.alias()}", "/Production"])
        source = f"models:/{self.chance.choice(self.names[:2])}{end}"
        self.twin.post("model-versions/create", name=self.name(), source=source)

    def update_model(self) -> None:
        words = self.chance.choice(WORDS)
        self.twin.patch("registered-models/update", name=self.name(), description=words)

    def update_version(self) -> None:
        self.twin.patch(
            "model-versions/update",
            name=self.name(),
            version=self.number(),
            description=self.chance.choice(WORDS),
        )

    def transition(self) -> None:
        self.twin.post(
            "model-versions/transition-stage",
            name=self.name(),
            version=self.number(),
            stage=self.chance.choice(STAGES),
            archive_existing_versions=self.chance.choice([True, False, None]),
        )

    def set_alias(self) -> None:
        self.twin.post(
            "registered-models/alias", name=self.name(), alias=self.alias(), version=self.number()
        )

    def delete_alias(self) -> None:
        self.twin.delete("registered-models/alias", name=self.name(), alias=self.alias())

    def tag(self) -> None:
        key, value = self.chance.choice(KEYS), self.chance.choice(VALUES)
        if self.chance.random() < 0.5:
            self.twin.post("registered-models/set-tag", name=self.name(), key=key, value=value)
        else:
            self.twin.post(
                "model-versions/set-tag",
                name=self.name(),
                version=self.number(),
                key=key,
                value=value,
            )

    def untag(self) -> None:
        key = self.chance.choice(KEYS)
        if self.chance.random() < 0.5:
            self.twin.delete("registered-models/delete-tag", name=self.name(), key=key)
        else:
            self.twin.delete(
                "model-versions/delete-tag", name=self.name(), version=self.number(), key=key
            )

    def rename(self) -> None:
        self.twin.post("registered-models/rename", name=self.name(), new_name=self.name())

    def delete_version(self) -> None:
        self.twin.delete("model-versions/delete", name=self.name(), version=self.number())

    def delete_model(self) -> None:
        self.twin.delete("registered-models/delete", name=self.name())

    def search(self) -> None:
        ours = f"name LIKE '{self.twin.unique}%'"
        clause = self.chance.choice(
            [
                "",
                " AND tags.team = 'Red'",
                " AND tags.`with space` != 'Red'",
                " AND tags.`mlflow.prompt.is_prompt` != 'true'",
                f" AND name != '{self.name()}'",
                f" AND name ILIKE '{self.twin.unique.upper()}b'",
            ]
        )
        self.twin.get(
            "registered-models/search",
            filter=ours + clause,
            order_by=self.chance.choice([[], ["name DESC"], ["last_updated_timestamp", "name"]]),
            max_results=self.chance.choice([1, 2, 100]),
        )
        clause = self.chance.choice(
            [
                "",
                " AND version_number > 1",
                " AND run_id = 'run1'",
                " AND run_id IN ('run1', 'run2')",
                " AND source_path LIKE 's3:%'",
                " AND tags.Team = ''",
            ]
        )
        self.twin.get(
            "model-versions/search",
            filter=ours + clause,
            order_by=self.chance.choice([[], ["version_number DESC", "name"], ["name"]]),
            max_results=self.chance.choice([1, 3, 100]),
        )


@pytest.mark.parametrize("seed", range(4), ids="seed{}".format)
def test_a_walk(twin: Twin, seed: int) -> None:
    Walk(twin, seed).run()
