from __future__ import annotations

from typing import Any

import pytest

from muniment.domain.changes import ModelChanges, NewVersion
from muniment.domain.entities import Signature, Variable, VariableType
from muniment.domain.manifest import FileEntry, Manifest
from tests.server.people import House
from tests.web.conftest import stock
from tests.web.visiting import Visitor

COMPARE = "/models/fraud/compare"


def files_of(house: House, contents: dict[str, bytes]) -> Manifest:
    entries = []
    for path, content in contents.items():
        with house.owner.artifacts.receive() as intake:
            intake.write(content)
            entries.append(FileEntry(path, intake.finish().digest, len(content)))
    return Manifest.of(entries)


@pytest.fixture
def fraud(house: House, visitor: Visitor) -> Visitor:
    """Three versions that share their largest file, and a pointer."""
    for n in (1, 2, 3):
        files = {"tokenizer.json": b"t" * 92, "weights": b"%d" % n * 8, f"only-{n}": b""}
        inputs = (Variable("amount", VariableType.NUMERIC, "float64" if n < 3 else "float32"),)
        fields: dict[str, Any] = {
            "metrics": {"auc": 0.8 + n / 100, "rmse": 0.5 - n / 100, "tax": 0.5 + n / 10},
            "params": {"depth": n, "eta": 0.1},
            "signature": Signature(inputs),
            "description": f"*card {n}*",
        }
        new = NewVersion(files=files_of(house, files), **fields)
        house.owner.catalog.create_version("fraud", new, create_model=True)
    house.owner.catalog.create_version("fraud", NewVersion(source_uri="s3://x"))
    house.owner.catalog.update_model("fraud", ModelChanges(tags={"lower_is_better": "rmse, tax"}))
    return visitor


def test_two_versions_are_compared_in_all_they_have(fraud: Visitor) -> None:
    page = fraud.get(f"{COMPARE}?v=1&v=2")
    assert page.status == 200
    assert "auc higher is better 0.81 0.82 +0.01 better" in page.text
    assert "rmse lower is better 0.49 0.48 -0.01 better" in page.text
    assert "tax lower is better 0.6 0.7 +0.1 worse" in page.text
    assert "Params 1 differs, 1 the same" in page.text
    assert "depth 1 2" in page.text
    assert "92 % of its bytes" in page.text
    assert "by digest: 3 differ, 1 the same" in page.text
    assert "weights 8 B" in page.text
    assert "missing" in page.text
    assert "<em>card 1</em>" in page.html
    assert "svg" not in page.html.partition("<main")[2]


def test_three_versions_have_parallel_coordinates(fraud: Visitor) -> None:
    page = fraud.get(f"{COMPARE}?v=3&v=1&v=2")
    assert "Versions 1, 2, 3 over 3 metrics; up is better" in page.html
    assert "version 3: rmse 0.47" in page.html
    assert "in: amount NUMERIC float64 NUMERIC float64 NUMERIC float32" in page.text


def test_what_the_others_are_measured_by_is_chosen(fraud: Visitor) -> None:
    page = fraud.get(f"{COMPARE}?v=1&v=2")
    assert "Against version 1." in page.text
    other = fraud.get(page.links["measure by 2"])
    assert "Against version 2." in other.text
    assert "auc higher is better 0.82 0.81 -0.01 worse" in other.text


def test_a_pointer_has_no_files_to_share(fraud: Visitor) -> None:
    for query in ("v=1&v=4", "v=1&v=4&base=4"):
        page = fraud.get(f"{COMPARE}?{query}")
        assert page.status == 200
        assert "% of its bytes" not in page.text


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("", 200, "Which versions?"),
        ("v=1", 400, "1 version can't be compared."),
        ("v=1&v=1&v=01", 400, "1 version can't be compared."),
        ("v=1&v=x", 400, "'x' is no version's number."),
        ("v=1&v=-2", 400, "'-2' is no version's number."),
        ("v=1&v=99", 404, "There is no version 99"),
        ("v=1&v=2&v=3&v=4&v=5&v=6&v=7", 400, "7 versions can't be compared."),
    ],
)
def test_the_form_asks_again_and_keeps_what_was_ticked(
    fraud: Visitor, query: str, status: int, said: str
) -> None:
    page = fraud.get(f"{COMPARE}?{query}")
    assert page.status == status
    assert said in page.text
    form = page.form(COMPARE)
    assert form.choices["v"] == ["1", "2", "3", "4"]
    assert ("v" in form.fields) is ("v=1" in query)


def test_a_model_with_one_version_says_so(house: House, visitor: Visitor) -> None:
    stock(house, "alone")
    assert "too few versions" in visitor.get("/models/alone/compare").text
    assert visitor.get("/models/nix/compare").status == 404


def test_thousands_of_params_make_no_endless_page(house: House, visitor: Visitor) -> None:
    for n in (1, 2):
        stock(house, "wide", b"%d" % n, params={f"p{i:04}": i * n for i in range(3_000)})
    page = visitor.get("/models/wide/compare?v=1&v=2")
    assert "The first 200 of 2,999." in page.text
    assert "p0200" in page.text
    assert "p0201" not in page.text
