from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from muniment import errors

METHODS = ("get", "head", "post", "put", "patch", "delete")


class Page(HTMLParser):
    """What a page holds, as far as these tests look."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.style = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id" and value:
                self.ids.append(value)
            if name in ("href", "src", "action", "srcset") and value:
                self.addresses.append(value)
            assert name != "style"
            assert not name.startswith("on")

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] == "style" and not self.style:
            self.style = data


@pytest.fixture
def document(client: httpx.Client) -> dict[str, Any]:
    answer = client.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    document: dict[str, Any] = answer.json()
    return document


def operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {**item[method], "path": path, "method": method}
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item
    ]


def test_the_document_is_openapi_3_1_and_every_operation_is_explained(
    document: dict[str, Any],
) -> None:
    assert document["openapi"].startswith("3.1")
    tags = {tag["name"] for tag in document["tags"] if tag["description"]}
    ids = [operation["operationId"] for operation in operations(document)]
    assert len(set(ids)) == len(ids) > 40
    for operation in operations(document):
        assert operation["summary"], operation
        assert operation["description"], operation
        assert set(operation["tags"]) <= tags, operation


def test_the_page_has_every_operation_schema_and_error(
    client: httpx.Client, document: dict[str, Any]
) -> None:
    answer = client.get("/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    page = Page(answer.text)
    expected = {operation["operationId"] for operation in operations(document)}
    expected |= {f"schema-{name}" for name in document["components"]["schemas"]}
    expected |= {
        f"error-{cls.code}"
        for name in errors.__all__
        if isinstance(cls := getattr(errors, name), type) and hasattr(cls, "code")
    }
    assert expected <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    for path in document["paths"]:
        assert f"<code>{path}</code>" in answer.text


def test_the_page_needs_no_script_and_nothing_from_elsewhere(client: httpx.Client) -> None:
    page = Page(client.get("/docs").text)
    assert not {"script", "iframe", "object", "embed", "form"} & set(page.tags)
    elsewhere = [a for a in page.addresses if not a.startswith(("/", "#", "data:image/svg+xml,"))]
    assert elsewhere == []
    assert not re.search(r"url\(|@import", page.style)


def test_every_link_of_the_page_leads_somewhere(client: httpx.Client) -> None:
    page = Page(client.get("/docs").text)
    for address in set(page.addresses):
        if address.startswith("#"):
            assert address[1:] in page.ids
        elif address.startswith("/"):
            assert client.get(address).status_code == 200


def test_the_page_s_policy_allows_its_own_style_sheet_alone(client: httpx.Client) -> None:
    answer = client.get("/docs")
    digest = b64encode(sha256(Page(answer.text).style.encode()).digest()).decode()
    policy = answer.headers["content-security-policy"]
    assert f"style-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy


def test_examples_call_the_server_by_the_name_that_it_was_called_by(client: httpx.Client) -> None:
    for host in ("localhost:9", "127.0.0.1:8000"):
        text = client.get("/docs", headers={"Host": host}).text
        assert f"curl http://{host}/api/v1/models" in text
    assert client.head("/docs").status_code == 200


def test_curl_lines_send_what_an_operation_needs(client: httpx.Client) -> None:
    text = client.get("/docs").text
    assert "-T model.pkl" in text
    assert "-X PATCH" in text
    assert "Upload-Offset: 0" in text
    assert "{name}" not in "".join(re.findall(r"curl [^<]*", text))
