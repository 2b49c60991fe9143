from __future__ import annotations

import io

import pytest

from muniment.cli.draw import Block, Column, Facts, Heading, Paragraph, Styled, Table, draw

TABLE = Table(
    [Column("NAME", flexible=True), Column("N", right=True), Column("TAGS", flexible=True)],
    [["fraud", "7", "team=risk"], ["a-rather-long-model-name", "1234", "x=1 " * 12]],
)


def drawn(*blocks: Block) -> list[str]:
    stream = io.StringIO()
    draw(blocks, stream)
    return stream.getvalue().splitlines()


def test_columns_align_and_numbers_stand_right() -> None:
    header, first, second = drawn(TABLE)
    assert header.startswith("NAME" + " " * 25 + "N  TAGS")
    assert first == "fraud" + " " * 24 + "7  team=risk"
    assert second.startswith("a-rather-long-model-name  1234  x=1 x=1")


def test_lines_end_without_blanks() -> None:
    assert [line.rstrip() for line in drawn(TABLE)] == drawn(TABLE)


def test_into_a_pipe_nothing_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert "…" not in "".join(drawn(TABLE))


@pytest.mark.parametrize("width", [45, 60, 70])
def test_where_the_width_is_known_flexible_columns_give_way(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = drawn(TABLE)
    assert max(len(line) for line in lines) <= width
    assert lines[2].endswith("…")
    assert "1234" in lines[2]


def test_wide_characters_count_as_two_cells() -> None:
    table = Table([Column("NAME"), Column("N")], [["模型", "1"], ["ab", "2"]])
    assert drawn(table) == ["NAME  N", "模型  1", "ab    2"]


def test_text_of_others_can_neither_colour_nor_steer_the_terminal() -> None:
    text = "\n".join(drawn(Paragraph("[red]x[/red] \x1b[2J"), Facts([("a", "\x1b]0;x\x07")])))
    assert "[red]x[/red]" in text
    assert "\x1b" not in text
    assert "\x07" not in text


def test_an_empty_line_stands_between_blocks_but_not_below_a_heading() -> None:
    heading = Heading([Styled("Tags", "bold"), "2"])
    assert drawn(Paragraph("One."), heading, Facts([("a", "1")])) == ["One.", "", "Tags  2", "a  1"]


def test_no_colours_unless_it_is_a_terminal() -> None:
    assert "\x1b" not in "\n".join(drawn(Paragraph(Styled("red", "red"))))
