from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from muniment.domain.access import Role
from muniment.server.tracking.lookups import TrackedModel, TrackedRun
from tests.server.people import House
from tests.web.conftest import complaints_of, stock
from tests.web.visiting import Visitor

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

RUN, MODEL = "a" * 32, "m-" + "1" * 32


class Logged:
    """Runs and logged models, as a server keeps them that has loaded MLflow."""

    in_use = True

    def __init__(self) -> None:
        self.linked: list[tuple[str, str, int]] = []

    def run(self, run_id: str) -> TrackedRun | None:
        root = f"mlflow-artifacts:/0/{RUN}/artifacts"
        return TrackedRun(RUN, "0", root, models=(MODEL,)) if run_id == RUN else None

    def logged_model(self, model_id: str) -> TrackedModel | None:
        root = f"mlflow-artifacts:/0/models/{MODEL}/artifacts"
        return TrackedModel(MODEL, "0", root, RUN, "trees") if model_id == MODEL else None

    def link_version(self, model_id: str, name: str, version: int) -> None:
        self.linked.append((model_id, name, version))

    def close(self) -> None: ...


@pytest.fixture
def logged(house: House) -> Logged:
    """A run that has logged a model and a folder."""
    tracking = house.app.state.tracking = Logged()
    for path in (f"{RUN}/artifacts/plots/roc.svg", f"models/{MODEL}/artifacts/model.pkl"):
        with house.owner.files.receive(f"0/{path}") as intake:
            intake.write(path.encode())
            intake.finish()
    return tracking


# -- the form ------------------------------------------------------------------------------------


def test_a_form_knows_the_models_that_are_there(house: House, visitor: Visitor) -> None:
    stock(house, "fraud & co")
    page = visitor.get("/register")
    assert '<option value="fraud &amp; co">' in page.html
    assert page.headings[0] == (1, "Register a model")
    page = visitor.get("/register?model=fraud %26 co")
    assert page.headings[0] == (1, "Register a version of fraud & co")
    assert page.links["A run of MLflow"] == "/register/run?model=fraud+%26+co"
    assert 'value="new one"' in visitor.get("/register?model=new+one").html


def test_without_scripts_it_says_what_to_do_instead(visitor: Visitor) -> None:
    html = visitor.get("/register?model=a+b").html
    told = re.search(r"<noscript>.*?<code>(.*?)</code>.*?</noscript>", html, re.S)
    assert told is not None
    assert "/api/v1/models/a%20b/push/model.pkl" in told[1]


def test_who_may_not_register_is_told_why(house: House) -> None:
    house.person("root", Role.ADMIN)
    house.person("ada", Role.VIEWER)
    for path in ("/register", "/register/run"):
        page = Visitor(house, "ada").get(path)
        assert page.status == 200
        assert "You can't register models here:" in page.text
        assert 'id="register"' not in page.html


# -- from a run ----------------------------------------------------------------------------------


def test_where_no_runs_are_kept_it_says_how_they_would_be(house: House, visitor: Visitor) -> None:
    assert "pip install 'muniment[mlflow]'" in visitor.get("/register/run").text
    house.ports.metadata.ensure_workspace("risk", house.clock())
    assert "workspace default alone" in visitor.get("/w/risk/register/run").text


def test_what_a_run_has_logged_is_offered(logged: Logged, visitor: Visitor) -> None:
    page = visitor.get(f"/register/run?run={RUN}&model=fraud")
    form = page.forms[-1]
    assert form.choices["source"] == [f"models:/{MODEL}", f"runs:/{RUN}/plots", f"runs:/{RUN}"]
    assert form.fields["source"] == f"models:/{MODEL}"
    assert form.fields["model"] == "fraud"
    assert "trees logged model" in page.text


def test_an_unknown_run_is_a_fault_at_its_field(logged: Logged, visitor: Visitor) -> None:
    page = visitor.get("/register/run?run=<b>x")
    assert page.status == 404
    assert page.faulty == ["run"]
    assert "There is no run '<b>x'." in page.text
    assert page.forms[-1].fields["run"] == "<b>x"


@pytest.mark.parametrize(
    ("source", "files", "run_id"),
    [
        (f"models:/{MODEL}", ["model.pkl"], RUN),
        (f"runs:/{RUN}/plots", ["roc.svg"], RUN),
        (f"runs:/{RUN}", ["plots/roc.svg"], RUN),
    ],
)
def test_what_was_logged_becomes_a_version(
    house: House, logged: Logged, visitor: Visitor, source: str, files: list[str], run_id: str
) -> None:
    page = visitor.get(f"/register/run?run={RUN}")
    fields = {"source": source, "model": "fraud", "label": "1.0", "description": "First."}
    answer = visitor.send(page, "/register/run", "register", **fields)
    assert answer.headers["location"] == "/models/fraud/1"
    version = house.owner.catalog.version("fraud", 1)
    assert (version.run_id, version.label, version.description) == (run_id, "1.0", "First.")
    assert version.source_uri == source
    manifest = house.owner.artifacts.manifest("fraud", 1)
    assert [file.path for file in manifest.files] == files
    assert logged.linked == ([(MODEL, "fraud", 1)] if MODEL in source else [])


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"model": " "}, "model"),
        ({"model": "a/b"}, "model"),
        ({"label": "not a label!"}, "label"),
        ({"source": "/etc/passwd"}, "source"),
        ({"source": f"models:/{MODEL}/../x"}, "source"),
    ],
)
def test_a_fault_stands_at_its_field_and_nothing_typed_is_lost(
    house: House, logged: Logged, visitor: Visitor, changed: dict[str, str], field: str
) -> None:
    stock(house, "other")
    page = visitor.get(f"/register/run?run={RUN}")
    typed = {"model": "fraud", "label": "1.0", "description": "What I <typed>"}
    answer = visitor.do(
        f"/register/run?run={RUN}", "/register/run", "register", **{**typed, **changed}
    )
    assert answer.status == 400
    form = answer.forms[-1]
    assert form.fields["description"] == "What I <typed>"
    assert form.fields["run"] == RUN
    if field != "source":
        assert answer.faulty == [field]
        assert form.fields[field] == {**typed, **changed}[field]
    assert page.status == 200
    assert [model.name for model in house.owner.catalog.find_models(None, page_size=9).items] == [
        "other"
    ]


def test_who_may_not_read_runs_gets_nothing_of_them(house: House, logged: Logged) -> None:
    house.person("root", Role.ADMIN)
    house.person("ada", Role.VIEWER)
    page = Visitor(house, "ada").get(f"/register/run?run={RUN}")
    assert "plots" not in page.html


# -- in a browser --------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of three files, two of them alike."""
    root = tmp_path / "model"
    (root / "tokenizer").mkdir(parents=True)
    (root / "README.md").write_text("# A card")
    (root / "weights.bin").write_bytes(b"weights" * 100)
    (root / "tokenizer" / "copy.bin").write_bytes(b"weights" * 100)
    return root


def register(tab: Page) -> None:
    tab.get_by_role("button", name="Register", exact=True).click()


def files_of(site: House, model: str, number: int = 1) -> dict[str, int]:
    manifest = site.owner.artifacts.manifest(model, number)
    return {file.path: file.size for file in manifest.files}


def test_a_folder_is_registered_from_the_browser(site: House, tab: Page, folder: Path) -> None:
    tab.goto("/register")
    tab.locator("#folder").set_input_files(folder)
    assert tab.locator("#chosen tbody tr").count() == 3
    tab.get_by_label("Model", exact=True).fill("fraud detection")
    tab.get_by_label("Label").fill("1.0.0")
    tab.get_by_label("Metrics").fill("auc = 0.97\n\nloss=1e-3")
    tab.get_by_label("Params").fill("depth = 6\nbooster = gbtree\nshuffle = true")
    tab.get_by_label("Tags").fill('team = risk\nzip = "10115"\nfolds = 7')
    register(tab)
    tab.wait_for_url("**/models/fraud%20detection/1")
    version = site.owner.catalog.version("fraud detection", 1)
    assert dict(version.metrics) == {"auc": 0.97, "loss": 0.001}
    assert dict(version.tags) == {"team": "risk", "zip": "10115", "folds": 7}
    assert dict(version.params) == {"depth": 6, "booster": "gbtree", "shuffle": True}
    assert version.label == "1.0.0"
    assert files_of(site, "fraud detection") == {
        "README.md": 8,
        "tokenizer/copy.bin": 700,
        "weights.bin": 700,
    }


def test_what_is_wrong_is_said_at_the_field_and_nothing_is_lost(
    site: House, tab: Page, folder: Path
) -> None:
    tab.goto("/register")
    register(tab)
    assert tab.locator("#fault-files").inner_text() == "Choose at least one file."
    assert tab.locator("#fault-model").inner_text() == "A model needs a name."
    tab.locator("#files").set_input_files([folder / "README.md", folder / "weights.bin"])
    tab.get_by_role("button", name="Remove README.md").click()
    tab.get_by_label("Model", exact=True).fill("fraud")
    tab.get_by_label("Metrics").fill("auc = high")
    tab.get_by_label("Label").fill("not a label!")
    register(tab)
    assert tab.locator("#fault-metrics").inner_text() == "The metric auc is no number."
    tab.get_by_label("Metrics").fill("auc = 0.9")
    tab.get_by_label("Params").fill("depth = 6\ndepth = 7\nfolds")
    register(tab)
    assert "“depth” stands twice." in tab.locator("#fault-params").inner_text()
    tab.get_by_label("Params").fill("depth = 6")
    register(tab)
    tab.locator("#fault-label").wait_for()
    assert "can't be a version label" in tab.locator("#fault-label").inner_text()
    assert [said for said in complaints_of(tab) if "400" not in said] == []
    complaints_of(tab).clear()
    tab.get_by_label("Label").fill("1")
    register(tab)
    tab.wait_for_url("**/models/fraud/1")
    assert files_of(site, "fraud") == {"weights.bin": 700}


def test_an_upload_that_breaks_off_goes_on_where_it_stopped(
    site: House, tab: Page, tmp_path: Path
) -> None:
    large = tmp_path / "large.bin"
    large.write_bytes(os.urandom(20 * 1024 * 1024))
    offsets: list[int] = []
    broken = [2]  # the second piece does not get through, at first

    def piece(route: Route) -> None:
        if route.request.method == "PATCH":
            offsets.append(int(route.request.headers["upload-offset"]))
            if len(offsets) in broken:
                route.abort("connectionreset")
                return
        route.continue_()

    tab.route("**/api/v1/uploads/*", piece)
    tab.goto("/register?model=fraud")
    tab.locator("#files").set_input_files(large)
    register(tab)
    tab.wait_for_url("**/models/fraud/1")
    step = 8 * 1024 * 1024
    assert offsets == [0, step, step, 2 * step]
    assert files_of(site, "fraud") == {"large.bin": large.stat().st_size}
    assert all("ERR_CONNECTION_RESET" in said for said in complaints_of(tab))
    complaints_of(tab).clear()


def test_an_upload_is_paused_and_goes_on(site: House, tab: Page, tmp_path: Path) -> None:
    large = tmp_path / "large.bin"
    large.write_bytes(os.urandom(17 * 1024 * 1024))
    held: list[Route] = []

    def hold(route: Route) -> None:
        if route.request.method == "PATCH" and not held:
            held.append(route)  # until it is paused, which breaks it off
        else:
            route.continue_()

    tab.route("**/api/v1/uploads/*", hold)
    tab.goto("/register?model=fraud")
    tab.locator("#files").set_input_files(large)
    with tab.expect_request(lambda request: request.method == "PATCH"):
        register(tab)
    tab.get_by_role("button", name="Pause").click()
    assert "Paused. What has arrived is kept." in tab.locator("#progress").inner_text()
    tab.get_by_role("button", name="Go on").click()
    tab.wait_for_url("**/models/fraud/1")
    assert files_of(site, "fraud") == {"large.bin": large.stat().st_size}
    complaints_of(tab).clear()


def test_where_the_browser_can_not_hash_a_closed_page_goes_on_all_the_same(
    site: House, tab: Page, tmp_path: Path
) -> None:
    tab.add_init_script("Object.defineProperty(crypto, 'subtle', {value: undefined})")
    large = tmp_path / "large.bin"
    large.write_bytes(os.urandom(20 * 1024 * 1024))
    offsets: list[int] = []

    def piece(route: Route) -> None:
        if route.request.method == "PATCH":
            offsets.append(int(route.request.headers["upload-offset"]))
            if len(offsets) == 2:
                route.abort("connectionreset")
                return
        route.continue_()

    tab.route("**/api/v1/uploads/*", piece)
    tab.on("dialog", lambda dialog: dialog.accept())
    tab.goto("/register?model=fraud")
    tab.locator("#files").set_input_files(large)
    with tab.expect_event("requestfailed"):
        register(tab)
    tab.goto("/register?model=fraud")
    tab.locator("#files").set_input_files(large)
    register(tab)
    tab.wait_for_url("**/models/fraud/1")
    step = 8 * 1024 * 1024
    assert offsets == [0, step, step, 2 * step]
    assert files_of(site, "fraud") == {"large.bin": large.stat().st_size}
    complaints_of(tab).clear()


def test_what_is_stored_already_is_not_sent_again(site: House, tab: Page, folder: Path) -> None:
    stock(site, "other", b"weights" * 100)
    sent: list[str] = []
    tab.on("request", lambda request: sent.append(f"{request.method} {request.url}"))
    tab.goto("/register?model=fraud")
    tab.locator("#files").set_input_files(folder / "weights.bin")
    register(tab)
    tab.wait_for_url("**/models/fraud/1")
    assert not [one for one in sent if one.startswith(("PUT", "PATCH"))]


def test_whoever_waits_at_a_page_is_told_what_happens(site: House, tab: Page) -> None:
    stock(site, "fraud")
    asked = site.owner.lifecycle.request_transition("fraud", 1, "Staging")
    tab.goto(f"/requests/{asked.id}")
    news = tab.locator("[data-live]")
    news.wait_for(state="attached")
    site.owner.comments.add("fraud", "Looks good.", request=asked.id)
    news.get_by_role("link", name="Show it").click()
    tab.get_by_text("Looks good.").wait_for()
