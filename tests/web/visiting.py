"""A visitor without a browser: pages read and forms sent as a browser does, cookies and all."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

import httpx

from tests.server.people import House

_TYPES_WITHOUT_VALUE = ("submit", "button", "file", "image", "reset")
_EMPTY = frozenset({"br", "circle", "hr", "img", "input", "link", "meta", "polyline", "wbr"})


@dataclass
class Form:
    """A form of a page, with what stands in it."""

    action: str
    method: str = "get"
    fields: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)
    """What may be chosen: of selections, and of boxes that share a name."""
    hidden: set[str] = field(default_factory=set)

    buttons: dict[str, str] = field(default_factory=dict)
    """The names of the buttons that say which of them was pressed, by their values."""


class Shown(HTMLParser):
    """A page as a visitor sees it: its words, links and forms, and the fields that are at fault."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__()
        self.answer, self.status, self.html = answer, answer.status_code, answer.text
        self.forms: list[Form] = []
        self.links: dict[str, str] = {}
        self.faulty: list[str] = []
        self.headings: list[tuple[int, str]] = []
        self._words: list[str] = []
        self._within: list[str] = []
        self._select, self._option, self._link, self._link_text = "", "", "", ""
        assert "text/html" in answer.headers["content-type"], answer
        self.feed(self.html)

    @property
    def text(self) -> str:
        """All words, a space between any two."""
        return " ".join(" ".join(self._words).split())

    def form(self, action: str, press: str = "", **hidden: str) -> Form:
        """Return the one form that is sent to a path; `press` is the value of a button in it.

        Where there are several of that kind, `hidden` says which one: what its hidden fields hold.
        """
        found = [form for form in self.forms if form.action == action]
        if press:
            found = [form for form in found if press in form.buttons]
        for name, text in hidden.items():
            found = [f for f in found if name not in f.hidden or f.fields[name] == text]
        assert len(found) == 1, f"{len(found)} forms for {action}: {[f.action for f in self.forms]}"
        return found[0]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        if tag not in _EMPTY:
            self._within.append(tag)
        if tag == "form":
            self.forms.append(Form(known.get("action", ""), known.get("method", "get")))
        if tag == "a":
            self._link, self._link_text = known.get("href", ""), ""
        if tag in ("h1", "h2", "h3", "h4"):
            self.headings.append((int(tag[1]), ""))
        name = known.get("name", "")
        if "aria-invalid" in known:
            self.faulty.append(name)
        if not self.forms:
            return
        form = self.forms[-1]
        if tag == "button" and name and "disabled" not in known:
            form.buttons[known.get("value", "")] = name
        elif tag == "input" and name and known.get("type") not in _TYPES_WITHOUT_VALUE:
            if known.get("type") in ("checkbox", "radio"):
                form.choices.setdefault(name, []).append(known.get("value", "on"))
                if "checked" in known:
                    form.fields[name] = known.get("value", "on")
            else:
                form.fields[name] = known.get("value", "")
                if known.get("type") == "hidden":
                    form.hidden.add(name)
        elif tag == "button" and name:
            form.choices.setdefault(name, []).append(known.get("value", ""))
        elif tag == "textarea":
            form.fields[name] = ""
            self._select = name
        elif tag == "select":
            self._select = name
        elif tag == "option":
            self._option = known.get("value", "\0")
            if self._option != "\0":
                form.choices.setdefault(self._select, []).append(self._option)
            if "selected" in known or self._select not in form.fields:
                form.fields[self._select] = self._option

    def handle_data(self, data: str) -> None:
        self._words.append(data)
        if not self._within:
            return
        last = self._within[-1]
        if "a" in self._within:
            self._link_text += data
        if last in ("h1", "h2", "h3", "h4") and self.headings:
            level, text = self.headings[-1]
            self.headings[-1] = (level, text + data)
        if last == "textarea":
            fields = self.forms[-1].fields
            first = not fields[self._select] and data.startswith("\n")  # which browsers drop
            fields[self._select] += data[1:] if first else data
        if last == "option" and self._option == "\0":
            form = self.forms[-1]
            form.choices.setdefault(self._select, []).append(data.strip())
            if form.fields[self._select] == "\0":
                form.fields[self._select] = data.strip()

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self.links[" ".join(self._link_text.split())] = self._link
        while self._within and self._within.pop() != tag:
            pass


@dataclass
class Visitor:
    """Somebody who visits pages, signed in if `name` says so."""

    house: House
    name: str = ""
    cookies: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.name:
            pair = self.house.sign_in(self.name)["Cookie"]
            self.cookies[pair.partition("=")[0]] = pair.partition("=")[2]

    def get(self, path: str) -> Shown:
        """Look at a page."""
        return Shown(self.request("GET", path))

    def send(self, page: Shown, action: str, press: str = "", **fields: str) -> httpx.Response:
        """Fill in the form of a page that is sent to `action`, and send it by a button."""
        form = page.form(action, press, **fields)
        assert form.method == "post"
        assert "form" in form.fields, "the form lacks the token of its page"
        unknown = fields.keys() - form.fields.keys() - form.choices.keys()
        assert not unknown, f"the form has no {unknown}"
        pressed = {form.buttons[press]: press} if press else {}
        return self.request("POST", action, data={**form.fields, **pressed, **fields})

    def do(self, path: str, action: str, press: str = "", **fields: str) -> Shown:
        """Send a form of the page at `path`, and look at where that leads."""
        answer = self.send(self.get(path), action, press, **fields)
        return self.get(answer.headers["location"]) if answer.is_redirect else Shown(answer)

    def request(self, method: str, path: str, data: dict[str, str] | None = None) -> httpx.Response:
        """Send what a browser would send."""
        headers = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={text}" for name, text in self.cookies.items())
        if method == "POST":
            headers["Origin"] = str(self.house.client.base_url).rstrip("/")
        answer = self.house.client.request(method, path, data=data, headers=headers)
        self.house.client.cookies.clear()
        for said in answer.headers.get_list("set-cookie"):
            name, _, text = said.partition(";")[0].partition("=")
            if "max-age=0" in said.lower():
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = text
        return answer
