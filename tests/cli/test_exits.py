from __future__ import annotations

import re
from pathlib import Path

import pytest

from muniment import errors
from muniment.cli import exits
from muniment.errors import MunimentError

DOCS = Path(__file__).parents[2] / "docs" / "cli.md"


def tree(cls: type[MunimentError]) -> list[type[MunimentError]]:
    ours = [child for child in cls.__subclasses__() if child.__module__ == errors.__name__]
    return [cls, *(leaf for child in ours for leaf in tree(child))]


CODES = sorted(code for code in vars(exits).values() if isinstance(code, int))


def documented() -> dict[str, int]:
    """Error code -> exit code, as the table of docs/cli.md says."""
    rows = re.findall(r"^\| (\d+) \|[^|]*\|([^|]*)\|$", DOCS.read_text("utf-8"), re.MULTILINE)
    return {code: int(number) for number, codes in rows for code in re.findall(r"`(\w+)`", codes)}


@pytest.mark.parametrize("error", tree(MunimentError), ids=lambda cls: cls.__name__)
def test_every_error_has_the_exit_code_that_the_manual_says(error: type[MunimentError]) -> None:
    assert documented()[error.code] == exits.exit_code(error)


def test_the_manual_lists_every_exit_code_and_no_other() -> None:
    listed = re.findall(r"^\| (\d+) \|", DOCS.read_text("utf-8"), re.MULTILINE)
    assert [int(code) for code in listed] == CODES


def test_the_drawing_in_the_module_has_every_code() -> None:
    drawn = re.findall(r"(?:^| {2,})(\d+)  \w", exits.__doc__ or "", re.MULTILINE)
    assert sorted(map(int, drawn)) == CODES
