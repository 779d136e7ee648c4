"""Files that were cut off or damaged: what is lost is never passed over, and what is whole is read."""

from __future__ import annotations

import re
import struct
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pymupdf
import pytest
from PIL import Image

from apps.parsing.damage import Damage
from apps.parsing.ends import is_cut
from apps.parsing.errors import Unreadable
from apps.parsing.limits import Limits
from apps.parsing.opening import open_document
from apps.parsing.pages import ParsedDocument
from apps.parsing.remarks import Remark
from apps.parsing.sandbox import Sandbox
from apps.parsing.sniff import HEAD_BYTES, JPEG, PDF, PNG, TIFF, sniff
from tests.factories.documents import encrypted_pdf, pdf

SAMPLES = Path(__file__).resolve().parents[3] / "deploy" / "samples"
# Linearised, with object streams, with incremental updates, scanned; content before fonts and behind them.
CUT = (
    "invoice-fr-mill.pdf",
    "invoice-en-balloons.pdf",
    "invoice-de-car-rental.pdf",
    "invoice-de-discounts-zugferd1.pdf",
    "invoice-en-supplies-without-xml.pdf",
    "invoice-fr-supplier-without-xml.pdf",
    "scan-fr-mill.pdf",
)
END_MISSING = Remark(code="end_missing", page=0)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def read(sandbox: Sandbox, tmp_path: Path) -> Read:
    return Read(sandbox, tmp_path)


class Read:
    """Reads bytes in the sandbox."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self._sandbox = sandbox
        self._path = folder / "document"

    def __call__(self, data: bytes, *, password: str | None = None) -> ParsedDocument:
        media_type = sniff(data[:HEAD_BYTES])
        assert media_type is not None
        self._path.write_bytes(data)
        return self._sandbox.read_document(path=self._path, media_type=media_type, password=password)

    def refusal(self, data: bytes, *, password: str | None = None) -> str:
        with pytest.raises(Unreadable) as raised:
            self(data, password=password)
        return raised.value.code


def words(document: ParsedDocument) -> list[str]:
    return [page.text for page in document.pages]


@pytest.mark.parametrize("share", [0.02, 0.1, 0.2, 1 / 3, 0.5, 0.66])
@pytest.mark.parametrize("name", CUT)
def test_a_pdf_that_lacks_what_its_pages_need_is_cut_off(read: Read, name: str, share: float) -> None:
    data = (SAMPLES / name).read_bytes()
    assert read.refusal(data[: int(len(data) * share)]) == "cut_off"


@pytest.mark.parametrize("name", CUT)
def test_a_pdf_that_lacks_only_its_last_lines_is_read_whole_and_looked_at(read: Read, name: str) -> None:
    data = (SAMPLES / name).read_bytes()
    whole = read(data)
    assert whole.remarks == ()
    cut = read(data[: data.rindex(b"startxref")])
    assert words(cut) == words(whole)
    assert cut.remarks == (END_MISSING,)


def test_wherever_a_pdf_is_cut_no_word_is_lost_unsaid(read: Read) -> None:
    data = pdf(pages=3)
    whole = words(read(data))
    ends = set()
    for at in range(len(data) // 25, len(data), len(data) // 25):
        try:
            cut = read(data[:at])
        except Unreadable as error:
            ends.add(error.code)
        else:
            assert words(cut) == whole
            assert END_MISSING in cut.remarks
            ends.add("read")
    assert ends == {"cut_off", "read"}


def test_the_reason_says_what_to_do(read: Read) -> None:
    data = (SAMPLES / "invoice-fr-mill.pdf").read_bytes()
    with pytest.raises(Unreadable) as raised:
        read(data[: len(data) // 3])
    assert raised.value.message == (
        "the file is cut off or damaged: its end is missing, and with it what its pages need; upload it again, and "
        "check that the copy you upload opens and shows every page"
    )


def test_an_update_that_is_cut_off_is_said_though_what_was_before_it_is_whole(read: Read, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf())
    before = (tmp_path / "a.pdf").stat().st_size
    with pymupdf.open(tmp_path / "a.pdf") as document:
        document[0].insert_text((60, 700), "SUPERSEDED by invoice 99", fontsize=12)
        document.saveIncr()
    data = (tmp_path / "a.pdf").read_bytes()
    assert "SUPERSEDED" in words(read(data))[0]
    cut = read(data[: before + (len(data) - before) // 2])
    assert cut.remarks == (END_MISSING,)


@pytest.mark.parametrize("name", ["invoice-fr-mill.pdf", "invoice-de-car-rental.pdf"])
def test_a_whole_pdf_whose_table_of_objects_is_wrong_is_read_as_it_is(read: Read, name: str) -> None:
    data = (SAMPLES / name).read_bytes()
    whole = read(data)
    for broken in (
        re.sub(rb"startxref\s+\d+", b"startxref\n7", data),
        re.sub(rb"(?m)^\d{10} (\d{5} n)", rb"0000000007 \1", data),
        data[: data.rindex(b"startxref")] + b"%%EOF\n",
        b"junk of a mail gateway\n" + data,
    ):
        assert broken != data or b"xref\n" not in data
        mended = read(broken)
        assert words(mended) == words(whole)
        assert mended.remarks == ()


def _without(data: bytes, pattern: bytes) -> bytes:
    """Return a PDF without an object, its table of objects wrong by that."""
    broken, count = re.subn(pattern, b"", data, count=1, flags=re.DOTALL)
    assert count == 1
    return broken


def test_a_pdf_that_has_its_end_but_not_its_pages_contents_is_damaged(read: Read) -> None:
    data = pdf(pages=2)
    with pymupdf.open(stream=data) as document:
        contents = document[1].get_contents()[3]
    assert read.refusal(_without(data, rb"\n%d 0 obj.*?endobj" % contents)) == "damaged"


def test_a_page_that_has_lost_a_part_is_read_and_looked_at(read: Read) -> None:
    with pymupdf.open(stream=pdf(pages=2)) as document:
        picture = document.new_page().insert_image((60, 60, 160, 160), stream=_picture("PNG", (40, 40)))
        data = document.tobytes()
    found = read(_without(data, rb"\n%d 0 obj.*?endobj" % picture))
    assert "NW-2025-0417" in words(found)[1]
    assert found.remarks == (Remark(code="page_damaged", page=3),)


def test_contents_that_cant_be_unpacked_are_said(read: Read) -> None:
    with pymupdf.open(stream=pdf(pages=2)) as document:
        document[1].clean_contents()
        data = document.tobytes(deflate=True)
        (contents,) = document[1].get_contents()
    start = re.search(rb"\n%d 0 obj.*?stream\r?\n" % contents, data, re.DOTALL)
    assert start is not None
    middle = start.end() + 150
    found = read(data[:middle] + bytes(40) + data[middle + 40 :])
    assert found.remarks == (Remark(code="page_damaged", page=2),)
    assert words(found)[0] == words(read(pdf()))[0]


def _sharing(*, pages: int, shared: int, missing: int | None = None, own: int | None = None) -> bytes:
    """Return a PDF without a table of objects, whose pages share their resources: a dictionary of many objects.

    One of these may be missing, and so may what the resources of one page alone name.
    """
    kids = range(10, 10 + pages)
    objects = {
        1: "<</Type/Catalog/Pages 2 0 R>>",
        2: f"<</Type/Pages/Count {pages}/Kids[{' '.join(f'{kid} 0 R' for kid in kids)}]/Resources 3 0 R>>",
        3: f"<</Properties<<{' '.join(f'/P{number} {1000 + number} 0 R' for number in range(shared))}>>/Back 4 0 R>>",
        4: "<</Shared 3 0 R/Page 10 0 R>>",
    }
    for number, kid in enumerate(kids, start=1):
        resources = "/Resources<</Properties<</Own 999 0 R>>>>" if number == own else ""
        objects[kid] = f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]{resources}>>"
    objects |= {1000 + number: f"<</N {number}>>" for number in range(shared) if number != missing}
    body = "".join(f"{number} 0 obj{text}endobj\n" for number, text in objects.items())
    return f"%PDF-1.7\n{body}trailer<</Root 1 0 R>>\nstartxref\n7\n%%EOF\n".encode()


@pytest.mark.parametrize(
    ("missing", "own", "damaged"), [(None, None, []), (0, None, list(range(1, 31))), (None, 2, [2])]
)
def test_what_pages_share_is_looked_at_once(
    monkeypatch: pytest.MonkeyPatch, missing: int | None, own: int | None, damaged: list[int]
) -> None:
    data = _sharing(pages=30, shared=200, missing=missing, own=own)
    opened = open_document(memoryview(data), media_type=PDF, password=None, limits=Limits())
    looked_at: Counter[int] = Counter()
    read_object = Damage._object

    def counting(self: Damage, xref: int) -> str | None:
        looked_at[xref] += 1
        return read_object(self, xref)

    monkeypatch.setattr(Damage, "_object", counting)
    watch = Damage(opened)
    watch.look_over(range(1, 31))
    assert list(watch.remarks()) == [Remark(code="page_damaged", page=number) for number in damaged]
    # Once as a page, and the first one once more, as what an object names.
    pages = {10 + number: 1 + (number == 0) for number in range(30)}
    others = [3, 4, *range(1000, 1200), *([999] if own else [])]
    assert looked_at == pages | dict.fromkeys(others, 1)


def test_a_locked_pdf_is_opened_before_it_is_looked_over(read: Read) -> None:
    data = encrypted_pdf(password="a b")
    cut = data[: data.rindex(b"startxref")]
    assert read(cut, password="a b").remarks == (END_MISSING,)


def _picture(kind: str, size: tuple[int, int] = (400, 300), **options: object) -> bytes:
    buffer = BytesIO()
    image = Image.radial_gradient("L").resize(size).convert("RGB")  # nothing that OCR would dwell on
    image.save(buffer, kind, **options)
    return buffer.getvalue()


PICTURES = {
    "jpeg": _picture("JPEG"),
    "progressive jpeg": _picture("JPEG", progressive=True),
    "jpeg with restarts": _picture("JPEG", restart_marker_rows=1),
    "png": _picture("PNG"),
    "tiff": _picture("TIFF"),
    "tiff in strips": _picture("TIFF", compression="tiff_lzw"),
    "pages of a tiff": _picture("TIFF", save_all=True, append_images=[Image.radial_gradient("L")]),
}


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("data", PICTURES.values(), ids=PICTURES)
def test_a_picture_that_is_cut_is_refused(read: Read, data: bytes, share: float) -> None:
    assert read.refusal(data[: int(len(data) * share)]) == "cut_off"


STRIPS, BYTES, SHORT, LONG = 273, 279, 3, 4


def _directory(*entries: tuple[int, int, int, int], following: int) -> bytes:
    return (
        struct.pack("<H", len(entries))
        + b"".join(struct.pack("<HHII", *one) for one in entries)
        + following.to_bytes(4, "little")
    )


CUT_OFF = _directory((STRIPS, LONG, 1, 1_000_000_000), (BYTES, LONG, 1, 1), following=0)


def _overlapping_directories(count: int) -> bytes:
    """Return a TIFF whose first directories have 65,535 entries each and lie 9 bytes apart; the last one is cut off."""
    most = 65_535
    data = bytearray(b"II*\0" + struct.pack("<I", 8) + b"\xff" * (9 * count + 2 + most * 12 + 4))
    for at in range(8, 8 + 9 * count, 9):
        last = at + 9 >= 8 + 9 * count
        struct.pack_into("<I", data, at + 2 + most * 12, len(data) if last else at + 9)
    return bytes(data) + CUT_OFF


def _overlapping_lists(count: int) -> bytes:
    """Return a TIFF whose first directories name the same million strips; the last one is cut off."""
    strips = 1_000_000
    size = len(_directory((STRIPS, SHORT, strips, 0), following=0))
    first = 8 + 2 * strips
    directories = (
        _directory((STRIPS, SHORT, strips, 8), following=first + size * number) for number in range(1, count + 1)
    )
    return b"II*\0" + struct.pack("<I", first) + bytes(2 * strips) + b"".join(directories) + CUT_OFF


@pytest.mark.parametrize(
    ("data", "cut"),
    [
        (_overlapping_directories(15), True),
        (_overlapping_directories(16), False),
        (_overlapping_lists(9), True),
        (_overlapping_lists(10), False),
    ],
    ids=["under a million entries", "over a million", "under ten million strips", "over ten million"],
)
def test_a_tiff_is_followed_so_far_and_no_further(data: bytes, cut: bool) -> None:
    assert is_cut(memoryview(data), media_type=TIFF) is cut


@pytest.mark.parametrize("data", PICTURES.values(), ids=PICTURES)
@pytest.mark.parametrize("behind", [b"", b"\0" * 100, b"something of the camera's own"])
def test_a_whole_picture_is_read_whatever_stands_behind_it(read: Read, data: bytes, behind: bytes) -> None:
    assert read(data + behind).remarks == ()


def test_the_end_of_a_preview_in_a_photograph_is_not_the_photographs(read: Read) -> None:
    preview = _picture("JPEG", (64, 48))
    data = PICTURES["jpeg"]
    marked = data[:2] + b"\xff\xe1" + (len(preview) + 2).to_bytes(2, "big") + preview + data[2:]
    assert read(marked).remarks == ()
    assert read.refusal(marked[:-200]) == "cut_off"


def test_the_types_are_told_by_their_beginning() -> None:
    kinds = {name: sniff(data[:HEAD_BYTES]) for name, data in PICTURES.items()}
    assert (kinds["jpeg"], kinds["png"], kinds["tiff"]) == (JPEG, PNG, TIFF)
    assert sniff(pdf()[:HEAD_BYTES]) == PDF


def test_no_ordinary_document_is_called_cut_or_damaged(sandbox: Sandbox, corpus: Path) -> None:
    """Rebuilt files of other people that are whole, and one of each way to lose something."""
    expected: dict[str, object] = {
        "docling/ocr/sources/nemotron_multipage.pdf": (),
        "pdfjs/bug1606566.pdf": (),
        "pdfjs/issue19800.pdf": (),
        "qpdf/qpdf/xref-errors.pdf": (),
        "qpdf/qpdf/bad33.pdf": (),
        "qpdf/qpdf/bad27.pdf": "damaged",
        "qpdf/qpdf/bad32.pdf": "damaged",
        "qpdf/qpdf/bad-data.pdf": (Remark(code="page_damaged", page=1),),
    }
    found: dict[str, object] = {}
    for name in expected:
        try:
            found[name] = sandbox.read_document(path=corpus / name, media_type=PDF).remarks
        except Unreadable as error:
            found[name] = error.code
    assert found == expected
