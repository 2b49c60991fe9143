from __future__ import annotations

from muniment.domain.access import Grant, Role, Verb
from muniment.domain.changes import NewVersion
from muniment.domain.deployments import UseKind
from muniment.domain.manifest import FileEntry, Manifest
from tests.server.people import House
from tests.web.conftest import stock
from tests.web.visiting import Visitor


def put(house: House, model: str, files: dict[str, bytes]) -> int:
    """Add a version of these files; return its number."""
    entries = []
    for path, content in files.items():
        with house.owner.artifacts.receive() as intake:
            intake.write(content)
            entries.append(FileEntry(path, intake.finish().digest, len(content)))
    new = NewVersion(files=Manifest.of(entries))
    return house.owner.catalog.create_version(model, new, create_model=True).version


def test_folders_are_walked_through_to_a_file(house: House, visitor: Visitor) -> None:
    put(house, "fraud", {"README.md": b"# Card", "tok/a b/vocab#1.txt": b"yes\nno\n"})
    top = visitor.get("/models/fraud/1/files")
    assert top.links["README.md"] == "/models/fraud/1/files/README.md"
    assert "muniment pull fraud/1 --to ./model" in top.text
    folder = visitor.get(top.links["tok/"])
    deeper = visitor.get(folder.links["a b/"])
    file = visitor.get(deeper.links["vocab#1.txt"])
    assert "yes no" in file.text
    assert file.links["tok"] == "/models/fraud/1/files/tok"
    answer = house.client.get(file.links["Download 7 B"])
    assert answer.content == b"yes\nno\n"
    assert "attachment" in answer.headers["content-disposition"]
    assert "sandbox" in answer.headers["content-security-policy"]
    assert visitor.get("/models/fraud/1/files/").text == top.text


def test_what_is_not_there_is_not_found(house: House, visitor: Visitor) -> None:
    put(house, "fraud", {"a": b"x"})
    for path in ("files/b", "files/a/b", "download/b", "files/%2e%2e/a", "files/%00"):
        assert visitor.get(f"/models/fraud/1/{path}").status in (400, 404), path
    for path in ("/models/fraud/2/files", "/models/other/1/files", "/models/fraud/x/files"):
        assert visitor.get(path).status == 404, path


def test_a_version_that_points_elsewhere_says_where(house: House, visitor: Visitor) -> None:
    new = NewVersion(source_uri="s3://bucket/<model>")
    house.owner.catalog.create_version("fraud", new, create_model=True)
    page = visitor.get("/models/fraud/1/files")
    assert page.status == 200
    assert "it points elsewhere. s3://bucket/<model>" in page.text
    house.owner.catalog.create_version("fraud", NewVersion(pending=True))
    assert "it is PENDING" in visitor.get("/models/fraud/2/files").text


def test_a_folder_of_many_files_comes_page_by_page(house: House, visitor: Visitor) -> None:
    put(house, "fraud", {f"f{number:04}": b"x" for number in range(450)})
    page, seen = visitor.get("/models/fraud/1/files"), list[str]()
    for _ in range(3):
        seen += [name for name in page.links if name.startswith("f0")]
        if "Next page" in page.links:
            page = visitor.get(page.links["Next page"])
    assert seen == [f"f{number:04}" for number in range(450)]
    assert page.links["To the beginning"] == "/models/fraud/1/files"


def test_hostile_names_and_contents_are_text(house: House, visitor: Visitor) -> None:
    name = '<img src=x onerror="alert(1)">'
    put(house, "fraud", {name: b"<script>alert(2)</script>", "a.csv": b"<b>,c\n<i>,1\n"})
    page = visitor.get("/models/fraud/1/files")
    file = visitor.get(page.links[name])
    table = visitor.get("/models/fraud/1/files/a.csv")
    for shown in (page, file, table):
        assert "<img src=x" not in shown.html
        assert "<script>alert" not in shown.html
    assert "<script>alert(2)</script>" in file.text
    assert "<td>&lt;i&gt;</td>" in table.html


def test_a_look_at_a_file_is_on_record_and_no_use_of_the_version(house: House) -> None:
    house.person("root", Role.ADMIN)
    house.person("ada", Role.VIEWER)
    stock(house, "fraud")
    visitor = Visitor(house, "ada")
    visitor.get("/models/fraud/1/files/model.bin")
    assert house.owner.uses.uses(model="fraud") == []
    visitor.house.client.get(
        "/models/fraud/1/download/model.bin", headers=house.sign_in("ada")
    ).raise_for_status()
    assert house.ports.auditor is not None
    house.ports.auditor.flush()
    assert house.audited().count(("artifact.read", "ada")) == 2
    assert house.ports.observer is not None
    house.ports.observer.flush()
    assert [use.kind for use in house.owner.uses.uses(model="fraud")] == [UseKind.DOWNLOAD]


def test_who_may_not_download_sees_which_files_there_are_and_why_no_more(house: House) -> None:
    house.person("root", Role.ADMIN)
    house.person("eve")
    house.owner.administration.add_grant("*", "user:eve", Grant(verbs=frozenset({Verb.READ})))
    stock(house, "fraud", b"secret weights")
    page = Visitor(house, "eve").get("/models/fraud/1/files/model.bin")
    assert page.status == 200
    assert "that takes a role that may download" in page.text
    assert "secret weights" not in page.text
    assert not any(name.startswith("Download") for name in page.links)
    assert ("refused", "eve") not in house.audited()


def test_bytes_that_are_gone_are_told_of(house: House, visitor: Visitor) -> None:
    version = stock(house, "fraud", b"weights")
    manifest = house.owner.artifacts.manifest("fraud", version.version)
    house.ports.blobs.delete(manifest.files[0].digest)
    page = visitor.get("/models/fraud/1/files/model.bin")
    assert page.status == 200
    assert "Restore it from a backup" in page.text


def test_links_stay_in_the_workspace(house: House, visitor: Visitor) -> None:
    house.ports.metadata.ensure_workspace("risk", house.clock())
    answer = house.client.put(
        "/api/v1/models/fraud/push/model.txt",
        content=b"x",
        headers={"X-Muniment-Workspace": "risk"},
    )
    answer.raise_for_status()
    page = visitor.get("/w/risk/models/fraud/1/files")
    file = visitor.get(page.links["model.txt"])
    assert file.links["Download 1 B"] == "/w/risk/models/fraud/1/download/model.txt"
    assert house.client.get(file.links["Download 1 B"]).content == b"x"
    assert visitor.get("/models/fraud/1/files").status == 404
