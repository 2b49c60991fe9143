from __future__ import annotations

import json
import struct
import zlib

import pytest

from muniment.server.web.previews import Preview, Source, preview_of
from muniment.server.web.previews.graphs import Graph, Port
from muniment.server.web.previews.images import MAX_BYTES, Picture
from muniment.server.web.previews.raw import Raw
from muniment.server.web.previews.source import BLOCK, Unreadable
from muniment.server.web.previews.tables import COLUMNS, ROWS, Table
from muniment.server.web.previews.tensors import MAX_HEADER, SHOWN, Tensor, Tensors
from muniment.server.web.previews.texts import SHOWN as SHOWN_TEXT
from muniment.server.web.previews.texts import Card, Text


def shown(path: str, content: bytes) -> Preview:
    return preview_of(path, Source(len(content), lambda start, end: content[start:end]))


# -- reading -------------------------------------------------------------------------------------


def test_a_source_reads_what_is_asked_for_and_no_block_twice_in_a_row() -> None:
    content, asked = bytes(range(256)) * 1024, []

    def read(start: int, end: int) -> bytes:
        asked.append((start, end))
        return content[start:end]

    source = Source(len(content), read)
    assert source.part(10, 20) == content[10:20]
    assert source.part(BLOCK - 5, BLOCK + 5) == content[BLOCK - 5 : BLOCK + 5]
    assert source.part(len(content) - 3, len(content) + 100) == content[-3:]
    assert source.part(len(content), len(content) + 1) == b""
    assert asked == [(0, BLOCK), (BLOCK, 2 * BLOCK), (3 * BLOCK, 4 * BLOCK)]


def test_a_source_reads_no_more_than_a_page_is_worth() -> None:
    source = Source(1 << 40, lambda start, end: bytes(end - start))
    with pytest.raises(Unreadable):
        source.part(0, 1 << 30)
    with pytest.raises(Unreadable):
        for block in range(1000):
            source.part(block * BLOCK * 2, block * BLOCK * 2 + 1)


# -- texts ---------------------------------------------------------------------------------------


def test_a_text_is_shown_as_it_stands() -> None:
    found = shown("train.py", b"import os\n<script>\n")
    assert found == Text("import os\n<script>\n", whole=True, lines=2)


def test_marks_that_turn_a_text_round_are_written_out() -> None:
    found = shown("a.py", "x = 1  # \u202eevil\u2066".encode())
    assert isinstance(found, Text)
    assert found.text == "x = 1  # \\u202eevil\\u2066"


def test_json_of_one_line_is_laid_out_and_what_only_looks_like_it_is_not() -> None:
    found = shown("a.json", b'{"a":[1,2]}')
    assert isinstance(found, Text)
    assert found.laid_out
    assert found.text.splitlines()[1] == '  "a": ['
    for content in (b'{"a":', b"[" * 100_000, b'{\n"a": 1}'):
        found = shown("a.json", content)
        assert isinstance(found, Text)
        assert not found.laid_out


def test_of_a_long_text_the_beginning_is_shown_whole_characters_only() -> None:
    found = shown("a.txt", b"x" + "é".encode() * SHOWN_TEXT)
    assert isinstance(found, Text)
    assert not found.whole
    assert set(found.text) == {"x", "é"}


def test_a_card_is_read_as_markdown_and_its_html_as_text() -> None:
    found = shown("README.md", b"# Fraud\n<script>alert(1)</script>")
    assert isinstance(found, Card)
    assert "<h3>Fraud</h3>" in found.html
    assert "<script>" not in found.html


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"a\x00b", b"", b"\xc3"])
def test_what_is_no_text_is_shown_as_bytes(content: bytes) -> None:
    assert isinstance(shown("README.md", content), Raw)


def test_bytes_are_shown_with_their_offsets_and_pickles_with_a_warning() -> None:
    found = shown("model.pkl", b"\x80\x04\x95AB" + bytes(300))
    assert isinstance(found, Raw)
    assert found.pickled
    assert found.lines[0][0] == "00000000"
    assert found.lines[0][1].startswith("80 04 95 41 42")
    assert found.lines[0][2].startswith("···AB")
    assert len(found.lines) == 16
    archive = shown("a.zip", b"PK\x03\x04\x00")
    assert isinstance(archive, Raw)
    assert (archive.what, archive.pickled) == ("a ZIP archive", False)


# -- tables --------------------------------------------------------------------------------------


def test_a_table_shows_its_first_rows_and_columns() -> None:
    names = [f"c{number}" for number in range(COLUMNS + 3)]
    lines = [",".join(names), *(",".join(["1"] * len(names)) for _ in range(ROWS + 5))]
    found = shown("data.csv", "\n".join(lines).encode())
    assert isinstance(found, Table)
    assert found.names == tuple(names[:COLUMNS])
    assert (len(found.rows), found.more_rows, found.more_columns) == (ROWS, True, 3)


def test_rows_of_any_length_fit_the_head_and_quotes_are_read() -> None:
    found = shown("data.csv", b'a;b\n"x;""y""";1;2\n\nz\n')
    assert isinstance(found, Table)
    assert found.rows == (('x;"y"', "1"), ("z", ""))
    assert not found.more_rows
    tabbed = shown("data.tsv", b"a,b\tc\n1\t2\n")
    assert isinstance(tabbed, Table)
    assert tabbed.names == ("a,b", "c")


def test_a_table_that_can_not_be_read_is_a_text() -> None:
    assert isinstance(shown("data.csv", b'a,b\n"never closed'), Text)
    assert isinstance(shown("data.csv", b'"' + b"x" * 140_000 + b'"\n'), Text)


# -- pictures ------------------------------------------------------------------------------------


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IEND", b"")


JPEG = (
    b"\xff\xd8\xff\xe0\x00\x04ab" + b"\xff\xc2\x00\x11\x08" + struct.pack(">HH", 30, 40) + b"\x03"
)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (png(40, 30), "image/png"),
        (JPEG, "image/jpeg"),
        (b"GIF89a" + struct.pack("<HH", 40, 30) + b"\0", "image/gif"),
    ],
)
def test_a_picture_is_known_by_its_content_whatever_it_is_called(content: bytes, kind: str) -> None:
    found = shown("model.bin", content)
    assert isinstance(found, Picture)
    assert (found.media_type, found.width, found.height) == (kind, 40, 30)
    assert found.address.startswith(f"data:{kind};base64,")


@pytest.mark.parametrize(
    "content",
    [
        png(1_000_000, 1_000_000),
        png(0, 10),
        png(10, 10) + bytes(MAX_BYTES),
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xff\xff\xff",
        b"\xff\xd8\xff\xe0\x00\x00" * 9,
    ],
)
def test_a_picture_that_browsers_might_not_bear_is_not_shown(content: bytes) -> None:
    assert isinstance(shown("a.png", content), Raw)


def test_svg_is_shown_as_text() -> None:
    assert isinstance(shown("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"), Text)


# -- tensors -------------------------------------------------------------------------------------


def safetensors(header: object, numbers: int = 0) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(numbers)


def test_the_header_of_safetensors_is_shown_without_the_numbers() -> None:
    header = {
        "__metadata__": {"format": "pt"},
        "head": {"dtype": "F16", "shape": [2], "data_offsets": [24, 28]},
        "body": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
    }
    found = shown("model.safetensors", safetensors(header, 28))
    assert found == Tensors(
        first=(Tensor("body", "F32", (2, 3), 24), Tensor("head", "F16", (2,), 4)),
        count=2,
        parameters=8,
        dtypes=("F16", "F32"),
        metadata={"format": "pt"},
    )


def test_of_many_tensors_the_first_are_shown_and_all_are_counted() -> None:
    header = {
        f"{number:05}": {"dtype": "I8", "shape": [1], "data_offsets": [0, 1]}
        for number in range(SHOWN + 7)
    }
    found = shown("a.safetensors", safetensors(header, 1))
    assert isinstance(found, Tensors)
    assert (len(found.first), found.count, found.parameters) == (SHOWN, SHOWN + 7, SHOWN + 7)


@pytest.mark.parametrize(
    "content",
    [
        safetensors({"a": 1}),
        safetensors({"a": {"dtype": 1, "shape": [], "data_offsets": [0, 1]}}),
        safetensors({"a": {"dtype": "F32", "shape": [True], "data_offsets": [0, 1]}}),
        safetensors({"a": {"dtype": "F32", "shape": [1] * 65, "data_offsets": [0, 1]}}),
        safetensors({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0]}}),
        safetensors({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}),
        safetensors({"a": {"dtype": "F32", "shape": [10**30], "data_offsets": [0, 4]}}),
        safetensors(b'{"a":'),
        safetensors(b'{"a":' + b"[" * 100_000),
        safetensors(b"{" + b" " * MAX_HEADER + b"}"),
        struct.pack("<Q", 1 << 60) + b"{}",
    ],
)
def test_a_header_that_lies_is_shown_as_bytes(content: bytes) -> None:
    assert isinstance(shown("a.safetensors", content), Raw)


# -- ONNX ----------------------------------------------------------------------------------------


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def field(number: int, value: int | bytes | str) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content)) + content


def port(name: str, kind: int, *sizes: int | str) -> bytes:
    dimensions = b"".join(
        field(1, field(1 if isinstance(size, int) else 2, size)) if size != "" else field(1, b"")
        for size in sizes
    )
    tensor = field(1, kind) + field(2, dimensions)
    return field(1, name) + field(2, field(1, tensor))


def model(graph: bytes) -> bytes:
    opset = field(8, field(1, "") + field(2, 17))
    return field(1, 8) + field(2, "pytorch") + field(3, "2.9") + field(7, graph) + opset


def test_an_onnx_file_says_what_goes_in_and_out_and_its_weights_are_stepped_over() -> None:
    node = field(1, field(1, "x") + field(4, "Gemm"))
    packed = field(1, varint(300) + varint(2))
    weight = field(5, packed + field(2, 1) + field(8, "w") + field(9, bytes(100_000_000)))
    bias = field(5, field(1, 2) + field(2, 1) + field(8, "b"))
    graph = (
        node * 2
        + field(1, field(4, "Relu"))
        + weight
        + bias
        + field(11, port("x", 1, "batch", 300))
        + field(11, port("w", 1, 300, 2))
        + field(12, port("y", 7, "", 2))
    )
    content, read = model(graph), [0]

    def part(start: int, end: int) -> bytes:
        read[0] += end - start
        return content[start:end]

    found = preview_of("model.ONNX", Source(len(content), part))
    assert found == Graph(
        producer="pytorch 2.9",
        ir_version=8,
        opsets=("ai.onnx 17",),
        inputs=(Port("x", "float32", ("batch", "300")),),
        outputs=(Port("y", "int64", ("?", "2")),),
        operators=(("Gemm", 2), ("Relu", 1)),
        nodes=3,
        weights=2,
        parameters=602,
    )
    assert read[0] < 1_000_000


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff" * 50,
        field(1, 8),
        field(1, 8) + varint(7 << 3 | 2) + varint(1 << 40),
        model(field(1, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")),
        model(field(5, field(1, 1 << 60))),
        model(field(5, field(1, 1) * 65)),
        model(field(1, b"") * 200_000),
        model(b"\x0b"),
    ],
)
def test_what_is_called_onnx_and_is_none_is_shown_as_something_else(content: bytes) -> None:
    assert not isinstance(shown("model.onnx", content), Graph)
