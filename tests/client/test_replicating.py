"""Copies in another registry: by digest, only missing bytes, with their origin."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import muniment
from muniment.client.registry import Registry
from muniment.client.replicating import FROM, UUID, Replica, Selection, replicate
from muniment.errors import DigestMismatch


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Registry]:
    with muniment.connect(tmp_path / "source", actor="ana") as registry:
        for n in range(3):
            registry.push(
                "fraud",
                tmp_path_with(tmp_path, n),
                label=f"{n}.0",
                tags={"n": n},
                metrics={"auc": 0.5 + n / 10},
                use_git=False,
            )
        registry.update_model("fraud", description="of cards", tags={"team": "risk"})
        registry.push("credit", b"credit", use_git=False)
        registry.set_alias("fraud/2", "champion")
        registry.move_to_stage("fraud/3", "Production")
        yield registry


def tmp_path_with(tmp_path: Path, n: int) -> Path:
    folder = tmp_path / f"model{n}"
    folder.mkdir()
    (folder / "same.bin").write_bytes(b"same" * 1_000)
    (folder / "own.bin").write_bytes(b"%d" % n * 1_000)
    return folder


def copied(source: Registry, target: Registry, **chosen: Any) -> list[Replica]:
    options = {k: chosen.pop(k) for k in ("with_aliases", "dry_run") if k in chosen}
    return list(replicate(source, target, Selection(**chosen), progress=False, **options))


def test_versions_are_there_with_all_that_they_are(source: Registry, local: Registry) -> None:
    replicas = copied(source, local)
    assert [one.source.ref for one in replicas] == ["credit/1", "fraud/1", "fraud/2", "fraud/3"]
    for one in replicas:
        assert one.copied
        assert one.target is not None
        there = local.version(one.target.ref)
        here = one.source
        assert (there.digest, there.label, there.metrics) == (here.digest, here.label, here.metrics)
        assert there.tags == {
            **here.tags,
            FROM: f"{source.address} default/{here.ref}",
            UUID: here.uuid,
        }
        assert local.verify(there).ok
    model = local.model("fraud")
    assert (model.description, model.tags) == ("of cards", {"team": "risk"})


def test_only_missing_bytes_are_sent(source: Registry, local: Registry) -> None:
    sent = {one.source.ref: one.bytes for one in copied(source, local, models=["fraud"])}
    assert sent == {"fraud/1": 5_000, "fraud/2": 1_000, "fraud/3": 1_000}


def test_the_same_digest_is_there_already(source: Registry, local: Registry) -> None:
    copied(source, local)
    again = copied(source, local)
    assert not any(one.copied or one.bytes for one in again)
    assert local.model("fraud").last_number == 3


def test_a_copy_that_was_deleted_is_made_again(source: Registry, local: Registry) -> None:
    copied(source, local, models=["credit"])
    local.delete_version("credit/1", force=True)
    (again,) = copied(source, local, models=["credit"])
    assert again.target is not None
    assert (again.copied, again.target.version) == (True, 2)


@pytest.mark.parametrize(
    ("chosen", "refs"),
    [
        ({"models": ["cr*", "x"]}, ["credit/1"]),
        ({"stage": "production"}, ["fraud/3"]),
        ({"alias": "champion"}, ["fraud/2"]),
        ({"models": ["credit"], "alias": "champion"}, []),
    ],
)
def test_versions_are_chosen(
    chosen: dict[str, Any], refs: list[str], source: Registry, local: Registry
) -> None:
    would = copied(source, local, **chosen, dry_run=True)
    assert [one.source.ref for one in would] == refs
    assert local.models().all() == []
    assert [one.source.ref for one in copied(source, local, **chosen)] == refs


def test_aliases_come_if_asked_for(source: Registry, local: Registry) -> None:
    copied(source, local)
    assert local.model("fraud").aliases == {}
    copied(source, local, with_aliases=True)
    assert local.model("fraud").aliases == {"champion": 2}


def test_a_label_that_is_taken_there_is_left_out(source: Registry, local: Registry) -> None:
    local.push("fraud", b"mine", label="0.0", use_git=False)
    first, second, _ = copied(source, local, models=["fraud"])
    assert first.target is not None
    assert second.target is not None
    assert (first.target.label, second.target.label) == (None, "1.0")


def test_a_mere_pointer_is_copied_once(source: Registry, local: Registry) -> None:
    source.push("pointer", source_uri="s3://elsewhere/x", use_git=False)
    (one,) = copied(source, local, models=["pointer"])
    assert one.target is not None
    assert one.target.source_uri == "s3://elsewhere/x"
    assert not copied(source, local, models=["pointer"])[0].copied


def test_damage_at_the_source_is_named_and_not_copied(
    source: Registry, local: Registry, tmp_path: Path
) -> None:
    entry = source.manifest("fraud/1").file("own.bin")
    assert entry is not None
    place = source.backend.artifacts.local_path(entry.digest)
    assert place is not None
    place.chmod(0o644)
    place.write_bytes(b"x" * 1_000)
    with pytest.raises(DigestMismatch, match=r"'own\.bin' of fraud/1 is damaged"):
        copied(source, local, models=["fraud"])
    assert local.versions().all() == []


def test_a_server_gets_and_gives_copies(
    source: Registry, remote: Registry, local: Registry, name: str
) -> None:
    source.rename("credit", name)
    (there,) = copied(source, remote, models=[name])
    assert there.copied
    assert not copied(source, remote, models=[name])[0].copied
    (back,) = copied(remote, local, models=[name])
    assert back.bytes == len(b"credit")
    assert local.version(f"{name}/1").tags[FROM] == f"{remote.address} default/{name}/1"
