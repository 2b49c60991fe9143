from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from muniment.domain.access import Grant, Narrowing, Role
from muniment.domain.lineage import Node, NodeKind
from muniment.server.web.layers import layers
from tests.server.people import House
from tests.web.conftest import stock
from tests.web.visiting import Visitor

if TYPE_CHECKING:
    from playwright.sync_api import Page


def test_columns_put_what_came_first_to_the_left_and_near() -> None:
    arrows = [("a", "b"), ("b", "c"), ("run", "c"), ("data", "a"), ("data", "c")]
    columns = layers(["c", "b", "a", "run", "data"], arrows)
    assert [set(column) for column in columns] == [{"data"}, {"a"}, {"b", "run"}, {"c"}]


def test_columns_of_a_circle_end_all_the_same() -> None:
    columns = layers(["a", "b", "c"], [("a", "b"), ("b", "c"), ("c", "a"), ("a", "a")])
    assert columns == [["a"], ["b"], ["c"]]


def test_columns_follow_their_neighbours() -> None:
    arrows = [("y", "b"), ("x", "a"), ("a", "end"), ("b", "end")]
    first, second, _ = layers(["end", "a", "b", "y", "x"], arrows)
    assert ["xy".index(key) for key in first] == ["ab".index(key) for key in second]


def test_columns_of_nothing_are_none() -> None:
    assert layers([], []) == []
    assert layers(["a"], [("a", "gone")]) == [["a"]]


def test_a_long_chain_needs_no_deep_stack() -> None:
    keys = [str(n) for n in range(2_000)]
    columns = layers(keys[::-1], list(pairwise(keys)))
    assert columns == [[key] for key in keys]


@pytest.fixture
def family(house: House) -> House:
    """data -> fraud/1 -> fraud/2 -> churn/1, and a run of fraud/2."""
    for name, content in (("fraud", b"1"), ("fraud", b"2"), ("churn", b"3")):
        stock(house, name, content)
    link = house.owner.lineage.link
    link("fraud", 1, Node(NodeKind.DATASET, "data-1", "bookings <July>"))
    link("fraud", 2, Node(NodeKind.VERSION, "fraud/1"), "fine_tuned_from")
    link("fraud", 2, Node(NodeKind.RUN, "0a" * 16))
    link("churn", 1, Node(NodeKind.VERSION, "fraud/2"))
    return house


def boxes(html: str) -> dict[str, tuple[int, str]]:
    """Return where each box of the picture stands, from the left, and where it leads."""
    found = re.findall(
        r'<a class="node[^>]* href="([^"]*)".*?<rect x="(\d+)".*?class="name"[^>]*>([^<]*)<', html
    )
    return {name: (int(x), link.replace("&amp;", "&")) for link, x, name in found}


def test_the_picture_goes_from_left_to_right_and_its_boxes_are_links(
    family: House, visitor: Visitor
) -> None:
    page = visitor.get("/models/fraud/2/lineage")
    drawn = boxes(page.html)
    order = [drawn[name][0] for name in ("bookings &lt;July&gt;", "fraud/1", "fraud/2", "churn/1")]
    assert order == sorted(order)
    assert len(set(order)) == 4
    assert drawn["fraud/1"][1] == "/models/fraud/1/lineage"
    assert drawn["bookings &lt;July&gt;"][1] == "/lineage?of=dataset%3Adata-1"
    assert page.html.count('aria-current="true"') == 1
    assert page.html.count('<path class="arrow') == 4
    around = visitor.get(drawn["bookings &lt;July&gt;"][1])
    assert around.headings[0][1] == "Lineage of bookings <July>"
    assert "fraud/1" in boxes(around.html)


def test_who_looks_at_a_lineage_uses_nothing(family: House, visitor: Visitor) -> None:
    assert family.ports.observer is not None
    family.ports.observer.flush()
    before = family.owner.uses.uses(model="fraud", version=2)
    visitor.get("/models/fraud/2/lineage")
    family.ports.observer.flush()
    assert family.owner.uses.uses(model="fraud", version=2) == before


def test_the_table_says_the_same(family: House, visitor: Visitor) -> None:
    page = visitor.get("/models/fraud/2/lineage")
    assert "fraud/2 fine tuned from fraud/1 1" in page.text
    assert "fraud/2 produced by" in page.text
    assert "churn/1 derived from fraud/2 1" in page.text
    assert "fraud/1 trained on bookings <July> dataset 2" in page.text
    assert page.links["churn/1"] == "/models/churn/1"


def test_steps_and_direction_are_chosen(family: House, visitor: Visitor) -> None:
    page = visitor.get("/models/churn/1/lineage?hops=1")
    assert "fraud/1" not in page.text
    page = visitor.get("/models/fraud/2/lineage?direction=down")
    assert "churn/1" in page.text
    assert "fraud/1" not in page.text
    assert boxes(page.html)["churn/1"][1] == "/models/churn/1/lineage?direction=down"
    for query in ("hops=0", "hops=21", "hops=x", "direction=sideways"):
        assert visitor.get(f"/models/fraud/2/lineage?{query}").status == 400


def test_any_reference_and_any_node_is_found_by_name(family: House, visitor: Visitor) -> None:
    family.owner.catalog.set_alias("fraud", "champion", 2)
    assert "churn/1" in visitor.get("/lineage?of=fraud@champion").text
    assert "fraud/1" in visitor.get("/lineage?of=dataset:data-1").text
    assert "No version came from it" in visitor.get("/lineage?of=commit:none").text
    assert "Name a version" in visitor.get("/lineage").text
    for of, status in (("nothing", 404), ("a/b/c", 400), ("dataset:", 400), ("run:%00", 400)):
        page = visitor.get(f"/lineage?of={of}")
        assert (page.status, page.faulty) == (status, ["of"]), of


def test_a_version_without_lineage_says_how_to_note_it(house: House, visitor: Visitor) -> None:
    stock(house, "fraud")
    page = visitor.get("/models/fraud/1/lineage")
    assert "muniment link fraud/1 dataset:" in page.text
    assert "<svg" not in page.html


def test_no_more_is_drawn_than_a_picture_can_hold(house: House, visitor: Visitor) -> None:
    stock(house, "fraud")
    for n in range(90):
        house.owner.lineage.link("fraud", 1, Node(NodeKind.DATASET, f"part-{n}"))
    page = visitor.get("/models/fraud/1/lineage")
    assert len(boxes(page.html)) == 80
    assert "the nearest 80 are shown" in page.text


def test_nothing_is_drawn_that_the_visitor_may_not_see(family: House) -> None:
    family.person("narrow")
    grant = Grant.of_role(Role.VIEWER, Narrowing(models="churn*"))
    family.owner.administration.add_grant("default", "user:narrow", grant)
    narrow = Visitor(family, "narrow")
    assert "fraud" not in narrow.get("/models/churn/1/lineage").text
    assert narrow.get("/models/fraud/2/lineage").status == 404
    assert narrow.get("/lineage?of=fraud/2").status == 404
    assert "fraud" not in narrow.get("/lineage?of=dataset:data-1").text.partition("Show")[2]


def test_a_deleted_version_keeps_its_place(family: House, visitor: Visitor) -> None:
    family.owner.catalog.delete_version("fraud", 1)
    page = visitor.get("/models/fraud/2/lineage")
    assert page.status == 200
    assert "deleted" in page.text


def test_boxes_are_reached_and_followed_by_the_keyboard(
    site: House, open_tab: Callable[..., Page]
) -> None:
    stock(site, "fraud")
    stock(site, "churn", b"2")
    site.owner.lineage.link("churn", 1, Node(NodeKind.VERSION, "fraud/1"))
    tab = open_tab(width=390)
    tab.goto("/models/churn/1/lineage")
    tab.get_by_role("button", name="Show").focus()
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.getAttribute('href')") == "/models/fraud/1/lineage"
    tab.keyboard.press("Enter")
    tab.get_by_role("heading", name="Lineage of fraud/1").wait_for()
    assert tab.locator("svg a").count() == 2
