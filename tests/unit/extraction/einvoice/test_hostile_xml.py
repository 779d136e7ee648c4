"""XML that was made to do harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from apps.extraction.engines.einvoice.xml import MAX_BYTES, UnreadableXmlError, read_root
from tests.unit.extraction.einvoice import documents

BILLION_LAUGHS = (
    b'<!DOCTYPE a [<!ENTITY a "ha">'
    + b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%s;" % (str(n - 1).encode() if n else b"") * 10) for n in range(9))
    + b"]><a>&a8;</a>"
)


@pytest.mark.parametrize(
    "data",
    [
        BILLION_LAUGHS,
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/x.dtd"><a/>',
        b'<!DOCTYPE a PUBLIC "-//X" "http://127.0.0.1:1/x.dtd"><a/>',
    ],
)
def test_a_document_type_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableXmlError):
        read_root(data)


def test_a_file_of_this_machine_is_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hidden")
    data = f'<!DOCTYPE a [<!ENTITY b SYSTEM "{secret.as_uri()}">]><a>&b;</a>'.encode()
    with pytest.raises(UnreadableXmlError) as caught:
        read_root(data)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"<a>", b"<a></b>", b"<a>" * 5000 + b"</a>" * 5000, b"\x00\x01", b"<a>&#0;</a>"])
def test_broken_xml_is_refused_with_one_message(data: bytes) -> None:
    with pytest.raises(UnreadableXmlError, match="not well formed"):
        read_root(data)


def test_a_huge_xml_is_refused_unread() -> None:
    with pytest.raises(UnreadableXmlError, match="larger than 16 MiB"):
        read_root(b"<" * (MAX_BYTES + 1))


def test_an_encoding_that_does_not_exist_is_passed_over() -> None:
    data = documents.cii().replace(b'encoding="UTF-8"', b'encoding="UTF8-with-care"')
    assert read_root(data).text("ExchangedDocument/ID") == "F-2024-001"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_byte_order_marks_are_read(encoding: str) -> None:
    text = documents.cii().decode().partition("?>")[2]
    assert read_root(text.encode(encoding)).text("ExchangedDocument/ID") == "F-2024-001"


def test_comments_and_instructions_are_no_elements() -> None:
    root = read_root(b"<a><!-- x --><?pi y?><b>1<!-- in -->2</b></a>")
    assert root.text("b") == "12"
