"""What the command says of itself: in --help, and in docs/cli.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from muniment.cli import commands as registering
from muniment.cli.app import PANELS, tree
from tests.cli.conftest import Command

DOCS = (Path(__file__).parents[2] / "docs" / "cli.md").read_text("utf-8")
ROOT: Any = tree()


def below(command: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every command with its name, those in groups as `user add`."""
    for name, child in command.commands.items():
        if hasattr(child, "commands"):
            yield from below(child, f"{path}{name} ")
        else:
            yield f"{path}{name}", child


COMMANDS: dict[str, Any] = dict(below(ROOT))
DEFAULTS = {
    "stages": "ls",
    "policy": "show",
    "import": "archive",
    "backup": "make",
    "keys": "ls",
    "check": "show",
}
GROUPS = [name for name, child in ROOT.commands.items() if hasattr(child, "commands")]
assert {*registering.__all__} >= {"look", "models"}  # whose import makes the commands
EVERYWHERE = {"--registry", "--workspace", "--output", "-o", "--quiet", "-q", "--debug"}


def section(name: str) -> str:
    found = re.search(rf"^### `muniment {name}\b.*?(?=^##)", DOCS, re.MULTILINE | re.DOTALL)
    assert found, f"docs/cli.md has no section on {name}"
    return found.group()


def options(command: Any) -> set[str]:
    given = {opt for param in command.params for opt in (*param.opts, *param.secondary_opts)}
    return {option for option in given if option.startswith("-")}


def test_the_commands_are_those_of_the_manual_in_its_order() -> None:
    documented = re.findall(r"^### `muniment ([a-z-]+(?: [a-z-]+)?)", DOCS, re.MULTILINE)
    panels = re.findall(r"^## (.+)$", DOCS, re.MULTILINE)
    assert [panel for panel in panels if panel in PANELS] == list(PANELS)
    assert list(COMMANDS) == documented


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_stands_in_the_manual(name: str) -> None:
    written = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", section(name)))
    assert options(COMMANDS[name]) - EVERYWHERE <= written
    assert re.search(rf"```console\n\$ muniment {name}\b", section(name)), "an example, please"


def test_the_options_of_every_command_stand_in_the_manual() -> None:
    assert all(f"`{option}" in DOCS for option in {*EVERYWHERE, "--help", "--version"})
    for command in COMMANDS.values():
        assert options(command) >= EVERYWHERE


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_has_examples_and_fits(
    name: str, width: int, muniment: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    page = muniment(*name.split(), "--help")
    _, _, examples = page.out.partition("Examples")
    assert re.search(rf"muniment {name}\b", examples)
    assert max(map(len, page.lines)) <= width
    if width == 120:  # none of them is wrapped
        assert (
            len(COMMANDS[name].epilog.strip().splitlines())
            == len(examples.strip().splitlines()) + 1
        )


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_and_tables_name_only_options_that_exist(name: str) -> None:
    examples = re.findall(rf"muniment {name}\b[^`\n]*", COMMANDS[name].epilog + section(name))
    table = re.findall(r"^\| ([^|]+) \|", section(name), re.MULTILINE)
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", " ".join(examples + table))) <= options(
        COMMANDS[name]
    )


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_alone_lists_its_commands(group: str, muniment: Command) -> None:
    out = muniment(group, "--help").out
    assert group in DEFAULTS or out == muniment(group).out
    assert all(re.search(rf" {name.split()[1]} ", out) for name in COMMANDS if f"{group} " in name)


@pytest.mark.parametrize("args", [[], ["--help"], ["-h"]])
def test_help_groups_the_commands(args: list[str], muniment: Command) -> None:
    out = muniment(*args).out
    assert [out.index(f" {panel} ") for panel in PANELS] == sorted(
        out.index(f" {panel} ") for panel in PANELS
    )


def test_a_group_may_mean_one_of_its_commands(muniment: Command) -> None:
    assert muniment("stages").out == muniment("stages", "ls").out
    assert muniment("stages", "-q").lines == ["None", "Staging", "Production", "Archived"]
    assert muniment("policy", "Staging").out == muniment("policy", "show", "Staging").out
