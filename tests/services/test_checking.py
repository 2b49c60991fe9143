from __future__ import annotations

import pickle
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from muniment.domain.access import Role
from muniment.domain.caller import Caller
from muniment.domain.changes import NewVersion
from muniment.domain.checking import CheckConfiguration
from muniment.domain.checks import CheckState, Verdict
from muniment.domain.entities import Signature
from muniment.domain.manifest import Manifest
from muniment.domain.query import Comparison, Op, Target, attribute
from muniment.domain.records import RecordKind, RecordQuery
from muniment.errors import (
    InvalidInput,
    NotImplementedHere,
    NotReady,
    PermissionDenied,
    PreconditionFailed,
)
from muniment.services import Ports, Services
from muniment.storage.factory import open_folder
from tests.scanning.hostile import SYSTEM
from tests.services.conftest import Clock, House
from tests.services.people import somebody

ONE = ("serialization",)


def push(house: House, content: bytes = b"hello\n", *, path: str = "model.bin") -> int:
    entry = house.store(content)
    files = Manifest.of([replace(entry, path=path)])
    version = house.catalog.create_version("m", NewVersion(files=files), create_model=True)
    return version.version


def folder(path: Path) -> House:
    """Return a house over a folder, with leases as a server has them."""
    stores, clock = open_folder(path), Clock()
    ports = Ports(stores.metadata, stores.blobs, leases=stores.leases, clock=clock)
    ports.begin()
    return House(ports, clock)


def checking(house: House) -> House:
    """Return the house as a process that runs checks serves it."""
    return House(replace(house.ports, runs_checks=True), house.clock)


def verdicts(services: Services, number: int) -> dict[str, str]:
    return {result.name: result.verdict.value for result in services.checks.results("m", number)}


def test_a_harmless_version_passes_and_a_hostile_one_does_not(house: House) -> None:
    good, bad = push(house), push(house, SYSTEM)
    house.checks.run("m", good)
    (result,) = house.checks.run("m", bad, ONE)
    assert verdicts(house, good) == {
        "archives": "pass",
        "formats": "pass",
        "integrity": "pass",
        "serialization": "pass",
    }
    assert result.verdict is Verdict.FAIL
    assert "os.system" in result.findings[0]
    assert result.digest == house.catalog.version("m", bad).digest
    assert result.check_version == "1"
    assert house.checks.results("m", bad) == [result]


def test_a_sealed_version_waits_for_its_checks_until_somebody_works_them_off(house: House) -> None:
    server = checking(house)
    server.checks.configure(CheckConfiguration(ONE))
    number = push(server, SYSTEM)
    assert server.checks.waiting("m", number) == ["serialization"]
    assert server.checks.results("m", number) == []
    assert server.checks.work_off() == 1
    assert server.checks.waiting("m", number) == []
    assert verdicts(server, number) == {"serialization": "fail"}
    assert server.checks.work_off() == 0


def test_where_no_process_runs_checks_no_version_waits(house: House) -> None:
    number = push(house)
    assert house.checks.waiting("m", number) == []


def test_a_version_that_its_process_leaves_behind_is_checked_by_another(tmp_path: Path) -> None:
    server = checking(folder(tmp_path))
    server.checks.configure(CheckConfiguration(ONE))
    number = push(server)
    (record,) = (
        record for record in server.ports.metadata.find_records(_due()) if record.version == number
    )
    leases, now = server.ports.leases, server.clock()
    assert leases is not None
    assert leases.lease(f"check:{record.id}", "dead", now, now + timedelta(hours=1))
    assert server.checks.work_off() == 0
    server.clock.forward(hours=2)
    assert server.checks.work_off() == 1
    assert verdicts(server, number) == {"serialization": "pass"}


def _due() -> RecordQuery:
    return RecordQuery("default", RecordKind.CHECKING, state="due")


def test_a_version_that_was_deleted_meanwhile_is_not_checked(house: House) -> None:
    server = checking(house)
    number = push(server)
    server.catalog.delete_version("m", number)
    server.checks.work_off()
    assert list(server.ports.metadata.find_records(_due())) == []


def test_asking_again_does_not_check_twice(house: House) -> None:
    server = checking(house)
    number = push(house)
    for _ in range(2):
        assert server.checks.request("m", number, ONE) == ONE
    assert server.checks.work_off() == 1
    with pytest.raises(NotImplementedHere):
        house.checks.request("m", number, ONE)


def test_a_check_that_takes_too_long_or_too_much_is_unknown(house: House) -> None:
    number = push(house, pickle.dumps(list(range(3_000_000))))
    house.checks.configure(CheckConfiguration(ONE, seconds=1))
    (result,) = house.checks.run("m", number)
    assert result.verdict is Verdict.UNKNOWN
    assert "took longer than 1 s" in result.findings[0] or "signal" in result.findings[0]


def test_bytes_that_were_changed_on_the_disk_fail(tmp_path: Path) -> None:
    house = folder(tmp_path)
    number = push(house, b"0123456789")
    manifest = house.ports.read_manifest(house.catalog.version("m", number).digest or "")
    path = house.ports.blobs.local_path(manifest.files[0].digest)
    assert path is not None
    path.chmod(0o600)
    path.write_bytes(b"0123456780")
    (result,) = house.checks.run("m", number, ["integrity"])
    assert result.verdict is Verdict.FAIL


def test_a_check_sees_no_other_files_than_its_versions(house: House) -> None:
    from muniment.services.checking import running

    other = house.store(b"secret")
    sent = Sent()
    running._answer(sent, other.digest, 0, 6, set(), house.ports.blobs)  # type: ignore[arg-type]
    assert sent.data == running.NOTHING.to_bytes(8, "big")


class Sent:
    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data += data

    def flush(self) -> None:
        pass


def test_only_checks_that_exist_can_be_configured_or_run(house: House) -> None:
    number = push(house)
    with pytest.raises(InvalidInput, match="no check 'bias'"):
        house.checks.configure(CheckConfiguration(("bias",)))
    with pytest.raises(InvalidInput, match="no check 'bias'"):
        house.checks.run("m", number, ["bias"])
    for wrong in (CheckConfiguration(seconds=0), CheckConfiguration(memory=1)):
        with pytest.raises(InvalidInput):
            house.checks.configure(wrong)


def test_a_configuration_is_changed_by_who_knows_it_and_manages_the_stages(house: House) -> None:
    assert house.checks.configuration() == CheckConfiguration()
    kept = house.checks.configure(CheckConfiguration(("card",)), if_match=0)
    assert (kept.revision, house.checks.configuration()) == (1, kept)
    with pytest.raises(PreconditionFailed):
        house.checks.configure(CheckConfiguration(), if_match=0)
    with pytest.raises(PermissionDenied):
        somebody(house, "eve", Role.CONTRIBUTOR).checks.configure(CheckConfiguration())


def test_a_version_without_content_cannot_be_checked(house: House) -> None:
    new = NewVersion(source_uri="s3://elsewhere")
    number = house.catalog.create_version("m", new, create_model=True).version
    for ask in (house.checks.run, checking(house).checks.request):
        with pytest.raises(NotReady):
            ask("m", number, ONE)


def test_who_may_only_read_cannot_have_checks_run(house: House) -> None:
    number = push(house)
    with pytest.raises(PermissionDenied):
        somebody(house, "eve", Role.VIEWER).checks.run("m", number)


def test_descriptions_are_checked(house: House) -> None:
    number = push(house)
    house.checks.run("m", number, ["card", "ownership", "schema"])
    assert verdicts(house, number) == {"card": "fail", "ownership": "fail", "schema": "fail"}


def test_what_is_asked_of_the_workspace_is_asked_of_this_one_alone(house: House) -> None:
    house.ports.metadata.ensure_workspace("team", house.clock())
    team = Services(house.ports, Caller(actor="ada", workspace="team"))
    team.checks.configure(CheckConfiguration(("card",)))
    assert house.checks.configuration().checks == CheckConfiguration().checks


def test_plugins_are_found_and_run(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ours.py").write_text(PLUGIN)
    info = tmp_path / "ours-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ours\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[muniment.checks]\nterms = ours:Terms\nbroken = ours:Broken\nquits = ours:Quits\n"
    )
    from muniment.checks import available

    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    available._plugins.cache_clear()
    try:
        number = push(house, b"terms: none\n", path="TERMS")
        found = house.checks.run("m", number, ["terms", "broken", "quits"])
    finally:
        monkeypatch.undo()
        available._plugins.cache_clear()
    said = {result.name: (result.verdict.value, *result.findings) for result in found}
    assert said["terms"] == ("fail", "TERMS says: terms: none", "secrets: False")
    assert said["broken"] == ("unknown", "The check broke: RuntimeError('oh').")
    assert said["quits"][0] == "unknown"
    assert found[0].check_version == "7"


PLUGIN = """
import os

from muniment.checks import Outcome
from muniment.domain.checks import Verdict


class Terms:
    version = "7"

    def check(self, subject):
        print("this goes nowhere")
        with subject.file("TERMS").open() as file:
            text = file.read().decode().strip()
        secrets = any("AWS" in name or "MUNIMENT" in name for name in os.environ)
        return Outcome(Verdict.FAIL, (f"TERMS says: {text}", f"secrets: {secrets}"))


class Broken:
    version = "1"

    def check(self, subject):
        raise RuntimeError("oh")


class Quits:
    version = "1"

    def check(self, subject):
        os._exit(3)
"""


def test_the_second_opinion_counts_where_it_finds_something(house: House) -> None:
    pytest.importorskip("picklescan")
    numbers = {push(house, SYSTEM): "fail", push(house, pickle.dumps([1])): "pass"}
    for number, verdict in numbers.items():
        (result,) = house.checks.run("m", number, ["picklescan"])
        assert result.verdict.value == verdict


def test_a_signature_and_an_example_that_fit_pass(house: House) -> None:
    signature = Signature.from_json(
        {
            "input": {
                "variables": [
                    {"name": "amount", "type": "NUMERIC"},
                    {"name": "shop", "type": "TEXT"},
                ]
            }
        }
    )
    for example, found in {
        b'[{"amount": 1.5, "shop": "a"}]': "pass",
        b'{"columns": ["amount", "shop"], "data": [[1, "a"]]}': "pass",
        b'[{"amount": "much", "shop": "a"}]': "fail",
        b'[{"amount": 1}]': "fail",
        b"[3": "unknown",
    }.items():
        entry = replace(house.store(example), path="input_example.json")
        new = NewVersion(files=Manifest.of([entry]), signature=signature)
        number = house.catalog.create_version("m", new, create_model=True).version
        (result,) = house.checks.run("m", number, ["schema"])
        assert result.verdict.value == found, (example, result)


# -- what all of them say ------------------------------------------------------------------------


def state(house: Services, number: int) -> CheckState:
    """Return what a version says, having seen that a search says the same."""
    version = house.catalog.version("m", number)
    same = Comparison(attribute(Target.VERSIONS, "checks"), Op.EQ, version.checks.value)
    assert version in house.catalog.find_versions(same, page_size=9, model="m").items
    return version.checks


def test_a_version_says_what_its_checks_say_together(house: House) -> None:
    number, other = push(house), push(house)
    assert state(house, number) is CheckState.NONE
    for name, verdict, said in (
        ("bias", Verdict.PASS, CheckState.PASSED),
        ("drift", Verdict.FAIL, CheckState.FAILED),
        ("bias", Verdict.PASS, CheckState.FAILED),
        ("drift", Verdict.PASS, CheckState.PASSED),
        ("bias", Verdict.UNKNOWN, CheckState.FAILED),
    ):
        house.checks.report("m", number, name, verdict)
        assert state(house, number) is said
    assert state(house, other) is CheckState.NONE


def test_a_version_changes_with_its_state_alone_and_is_not_updated_by_it(house: House) -> None:
    push(house)
    before = house.catalog.version("m", 1)
    house.checks.report("m", 1, "bias", Verdict.PASS)
    after = house.catalog.version("m", 1)
    assert after == replace(before, checks=CheckState.PASSED, revision=before.revision + 1)
    house.checks.report("m", 1, "drift", Verdict.PASS)
    assert house.catalog.version("m", 1) == after


def test_a_sealed_version_is_waiting_until_its_checks_have_run(house: House) -> None:
    server = checking(house)
    server.checks.configure(CheckConfiguration(ONE))
    good, bad = push(server), push(server, SYSTEM)
    assert (state(server, good), state(server, bad)) == (CheckState.WAITING,) * 2
    server.checks.work_off()
    assert (state(server, good), state(server, bad)) == (CheckState.PASSED, CheckState.FAILED)
    server.checks.request("m", good, ONE)  # it has a verdict, and keeps it until there is another
    assert state(server, good) is CheckState.PASSED
    server.checks.request("m", good, ("card",))
    assert state(server, good) is CheckState.WAITING
    server.checks.work_off()
    assert state(server, good) is CheckState.FAILED


def test_a_reserved_version_waits_from_its_sealing_on(house: House) -> None:
    server = checking(house)
    for number in (1, 2):
        server.catalog.create_version("m", NewVersion(pending=True), create_model=True)
        assert state(server, number) is CheckState.NONE
    server.checks.report("m", 1, "bias", Verdict.FAIL)
    for number, said in ((1, CheckState.FAILED), (2, CheckState.WAITING)):
        server.catalog.seal_version("m", number, server.files(a=b"a"))
        assert state(server, number) is said


def test_where_nothing_is_configured_a_version_waits_no_longer_than_its_turn(house: House) -> None:
    server = checking(house)
    server.checks.configure(CheckConfiguration(()))
    number = push(server)
    server.checks.work_off()
    assert state(server, number) is CheckState.NONE


def test_a_version_that_was_deleted_while_it_waited_comes_back_unchecked(house: House) -> None:
    server = checking(house)
    number = push(server)
    server.catalog.delete_version("m", number)
    server.checks.work_off()
    server.catalog.restore_version("m", number)
    assert state(server, number) is CheckState.NONE
