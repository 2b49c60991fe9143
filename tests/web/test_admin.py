"""Users, roles, tokens and the audit log, as an admin and as others see them."""

from __future__ import annotations

import re

import pytest

from muniment.domain.access import Grant, Narrowing, Role
from tests.server.people import House
from tests.web.visiting import Visitor


@pytest.fixture
def root(house: House) -> Visitor:
    """An admin of all workspaces."""
    house.person("root", Role.ADMIN)
    return Visitor(house, "root")


def secret_on(html: str) -> str:
    found = re.search(r'class="panel once".*?<code>([^<]+)</code>', html, re.S)
    assert found, "no secret is shown"
    return found[1]


def test_the_first_user_is_made_in_the_browser_and_is_an_admin(
    house: House, visitor: Visitor
) -> None:
    assert "muniment init" in visitor.get("/admin/users").text
    made = visitor.do("/admin/users", "/admin/users", name="ada")
    once = secret_on(made.html)
    assert house.client.get("/api/v1/me").status_code == 401
    house.client.cookies.clear()
    new = {"old": once, "new": "a longer password"}
    changed = house.client.post("/api/v1/me/password", json=new, auth=("ada", once))
    assert changed.status_code == 204
    house.client.cookies.clear()
    assert house.client.get("/api/v1/users", auth=("ada", "a longer password")).status_code == 200


def test_administration_leads_to_what_one_may_look_at(house: House, root: Visitor) -> None:
    house.person("vera", Role.VIEWER)
    house.person("eve")
    for visitor, expected in (
        (root, "/admin/users"),
        (Visitor(house, "vera"), "/admin/stages"),
        (Visitor(house, "eve"), "/admin/tokens"),
    ):
        assert visitor.request("GET", "/admin").headers["location"] == expected
    page = Visitor(house, "vera").get("/admin/stages")
    assert "Users" not in page.links
    assert Visitor(house, "vera").get("/admin/users").status == 403
    assert not [form for form in page.forms if form.action == "/admin/stages"]


def test_a_user_is_made_with_a_role_and_shown(root: Visitor) -> None:
    page = root.do("/admin/users", "/admin/users", name="ben", role="contributor", place="*")
    assert secret_on(page.html)
    assert page.links["ben"] == "/admin/users/ben"
    one = root.get("/admin/users/ben")
    assert "contributor" in one.text
    assert "all workspaces" in one.text


def test_a_name_that_is_taken_or_none_is_said_at_the_field_and_nothing_is_lost(
    root: Visitor,
) -> None:
    taken = root.do("/admin/users", "/admin/users", name="root", display_name="The <b>")
    assert taken.status == 409
    assert "root" in taken.form("/admin/users").fields["name"]
    odd = root.do("/admin/users", "/admin/users", name="a b", display_name="The <b>")
    assert (odd.status, odd.faulty) == (400, ["name"])
    assert odd.form("/admin/users").fields["display_name"] == "The <b>"


def test_a_user_is_deactivated_and_activated_again(house: House, root: Visitor) -> None:
    auth = house.person("ben", Role.VIEWER)
    root.do("/admin/users/ben", "/admin/users/ben", "deactivate")
    assert "deactivated" in root.get("/admin/users/ben").text
    assert house.client.get("/api/v1/models", auth=auth).status_code == 401
    root.do("/admin/users/ben", "/admin/users/ben", "activate")
    assert house.client.get("/api/v1/models", auth=auth).status_code == 200
    assert "Deactivate" not in root.get("/admin/users/root").text


def test_grants_are_given_explained_and_taken_away(house: House, root: Visitor) -> None:
    house.person("ben")
    root.do(
        "/admin/grants",
        "/admin/grants",
        "grant",
        subject="user:ben",
        role="approver",
        models="fraud-*",
    )
    page = root.get("/admin/grants")
    assert "approver on models fraud-*" in page.text
    yes = root.get("/admin/grants?who=ben&verb=request.approve&on=fraud-x")
    no = root.get("/admin/grants?who=ben&verb=request.approve&on=churn")
    assert '<span class="badge good">yes</span> ben holds: approver' in yes.html
    assert '<span class="badge bad">no</span>' in no.html
    assert root.get("/admin/grants?who=ben&verb=fly").status == 400
    (number,) = re.findall(r'name="grant" value="(\d+)">\s*<p class="soft">user:ben', page.html)
    root.do("/admin/grants", "/admin/grants", "drop", grant=number)
    assert "fraud-*" not in root.get("/admin/grants").text


def test_a_grant_to_nobody_is_refused_at_the_field(root: Visitor) -> None:
    page = root.do("/admin/grants", "/admin/grants", "grant", subject="nonsense", role="viewer")
    assert (page.status, page.faulty) == (400, ["subject"])
    assert page.form("/admin/grants", "grant").fields["subject"] == "nonsense"


@pytest.mark.parametrize(
    ("path", "press", "field", "text"),
    [
        ("/admin/grants", "grant", "subject", "user:nobody"),
        ("/admin/grants", "grant", "tag", "no value"),
        ("/admin/users/root", "token", "description", "d" * 200),
        ("/admin/users/root", "token", "days", "soon"),
        ("/admin/stages", "", "colour", "mauve"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    root: Visitor, path: str, press: str, field: str, text: str
) -> None:
    others = {"subject": "user:root"} if path == "/admin/grants" else {}
    others |= {"name": "Canary", "order": "150"} if path == "/admin/stages" else {}
    page = root.do(path, path, press, **{**others, field: text})
    assert page.faulty == [field]
    assert page.form(path, press).fields[field] == text


def test_everybody_makes_and_revokes_tokens_of_their_own(house: House, root: Visitor) -> None:
    house.person("vera", Role.VIEWER)
    vera = Visitor(house, "vera")
    page = vera.get("/admin/tokens")
    made = vera.send(page, "/admin/tokens", "token", description="laptop", days="7")
    secret = secret_on(made.text)
    header = {"Authorization": f"Bearer {secret}"}
    assert house.client.get("/api/v1/models", headers=header).status_code == 200
    again = vera.get("/admin/tokens")
    assert "laptop" in again.text
    assert secret not in again.html
    vera.do("/admin/tokens", "/admin/tokens", "revoke", token=secret.split("_")[1])
    assert house.client.get("/api/v1/models", headers=header).status_code == 401
    bad = vera.send(vera.get("/admin/tokens"), "/admin/tokens", "token", days="soon")
    assert bad.status_code == 400
    assert "1 to 3650 days" in bad.text


def test_without_users_nobody_needs_a_token(visitor: Visitor) -> None:
    assert "Nobody signs in" in visitor.get("/admin/tokens").text


def test_the_audit_log_is_shown_and_verified(root: Visitor) -> None:
    root.do("/admin/users", "/admin/users", name="ben")
    page = root.get("/admin/audit")
    assert "user created" in page.text
    assert "sign in" in page.text
    said = root.do("/admin/audit", "/admin/audit")
    assert "entries are as they were written" in said.text


def test_a_form_that_no_page_of_ours_has_sent_does_nothing(house: House, root: Visitor) -> None:
    for path in ("/admin/users", "/admin/grants", "/admin/tokens", "/admin/stages", "/admin/audit"):
        answer = root.request("POST", path, data={"name": "ben", "form": "0" * 64})
        assert answer.status_code == 400
    assert house.owner.administration.users().items[0].name == "root"


def listed(visitor: Visitor, path: str, mark: str, next_page: str = "Next page") -> list[int]:
    """Follow the links to the next page; return how many of 60 marks each of the pages has."""
    pages = [visitor.get(path)]
    while next_page in pages[-1].links:
        pages.append(visitor.get(pages[-1].links[next_page]))
    found = [set(re.findall(rf"{mark}-\d\d", page.html)) for page in pages]
    assert len(set.union(*found)) == 60
    return [len(marks) for marks in found]


def test_roles_and_tokens_are_listed_a_page_at_a_time(house: House, root: Visitor) -> None:
    house.person("ada")
    administration = house.owner.administration
    for n in range(60):
        terms = Grant.of_role(Role.VIEWER, Narrowing(models=f"m-{n:02}"))
        administration.add_grant("default", "user:ada", terms)
        administration.create_token(user="ada", description=f"t-{n:02}")
    ada = Visitor(house, "ada")
    assert sum(listed(root, "/admin/grants", "m")) == 60
    assert listed(root, "/admin/users/ada", "m", "Next page of roles") == [50, 10]
    assert listed(root, "/admin/users/ada", "t", "Next page of tokens") == [50, 10]
    assert listed(ada, "/admin/tokens", "t") == [50, 10]
    assert root.get("/admin/grants?page_token=x").status == 400
    assert ada.get("/admin/tokens?page_token=x").status == 400
