"""Documents that want too much, or are none: a clear answer each, and the sandbox goes on."""

from __future__ import annotations

import os
import signal
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from io import BytesIO
from pathlib import Path

import psutil
import pymupdf
import pytest
from PIL import Image

from apps.parsing.errors import UnparsableError
from apps.parsing.limits import Limits
from apps.parsing.pages import Box
from apps.parsing.remarks import Remark
from apps.parsing.sandbox import Sandbox
from apps.parsing.sniff import PDF, PNG, TIFF
from tests.factories.documents import encrypted_pdf, pdf


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def _reason(sandbox: Sandbox, path: Path, media_type: str = PDF, *, password: str | None = None) -> str:
    with pytest.raises(UnparsableError) as raised:
        sandbox.read_document(path=path, media_type=media_type, password=password)
    assert raised.value.message
    return raised.value.code


def _write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _still_reads(sandbox: Sandbox, folder: Path) -> bool:
    path = _write(folder / "neighbour.pdf", pdf())
    return "NW-2025-0417" in sandbox.read_document(path=path, media_type=PDF).pages[0].text


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _huge_png(side: int) -> bytes:
    """Return a valid PNG of side x side pixels, a few kilobytes for a thousand lines."""

    packer = zlib.compressobj(9)
    line = b"\0" * (1 + side // 8)
    body = b"".join(packer.compress(line) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"%PDF-1.7\n%nothing follows", "cut_off"),
        (b"%PDF-1.7\n%nothing follows\n%%EOF\n", "broken"),
        (b"%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
         b"trailer<</Root 1 0 R>>", "zero_pages"),
    ],
)  # fmt: skip
def test_nothing_to_read(sandbox: Sandbox, tmp_path: Path, data: bytes, reason: str) -> None:
    assert _reason(sandbox, _write(tmp_path / "a.pdf", data)) == reason
    assert _still_reads(sandbox, tmp_path)


def test_encrypted(sandbox: Sandbox, tmp_path: Path) -> None:
    path = _write(tmp_path / "a.pdf", encrypted_pdf(password="pässwört"))
    assert _reason(sandbox, path) == "encrypted"
    assert _reason(sandbox, path, password="wrong") == "wrong_password"
    document = sandbox.read_document(path=path, media_type=PDF, password="pässwört")
    assert "NW-2025-0417" in document.pages[0].text


def test_ten_thousand_pages(sandbox: Sandbox, tmp_path: Path) -> None:
    with pymupdf.open() as document:
        for _ in range(10_000):
            document.new_page(width=100, height=100)
        document.save(tmp_path / "a.pdf")
    assert _reason(sandbox, tmp_path / "a.pdf") == "too_many_pages"
    assert _still_reads(sandbox, tmp_path)


@pytest.mark.parametrize("lines", [[(100, 100, "far out", 12)], []])
def test_a_page_of_sixty_thousand_points(
    sandbox: Sandbox, tmp_path: Path, lines: list[tuple[float, float, str, float]]
) -> None:
    """It is large on paper only: its text is read, its picture is no larger than another page's.

    Where there is no text, what may be on it is too small to be seen, and that is said.
    """
    with pymupdf.open() as document:
        page = document.new_page(width=60_000, height=60_000)
        for x, y, text, size in lines:
            page.insert_text((x, y), text, fontsize=size)
        page.draw_line((100, 100), (300, 100))
        document.save(tmp_path / "a.pdf")
    read = sandbox.read_document(path=tmp_path / "a.pdf", media_type=PDF)
    assert [word.text for word in read.pages[0].words] == ([] if not lines else ["far", "out"])
    assert read.remarks == (() if lines else (Remark(code="page_illegible", page=1),))
    (image,) = sandbox.render(path=tmp_path / "a.pdf", media_type=PDF)
    assert (image.width, image.height) == (1540, 1540)


def test_a_picture_of_sixty_thousand_pixels(sandbox: Sandbox, tmp_path: Path) -> None:
    picture = _huge_png(60_000)
    assert len(picture) < 2_000_000
    assert _reason(sandbox, _write(tmp_path / "a.png", picture), PNG) == "page_too_large"
    with pymupdf.open() as document:
        xref = document.get_new_xref()
        document.update_object(
            xref,
            "<</Type/XObject/Subtype/Image/Width 60000/Height 60000/ColorSpace/DeviceGray/BitsPerComponent 8>>",
        )
        document.update_stream(xref, b"\0" * 1000)
        page = document.new_page()
        page.insert_image((0, 0, 595, 842), xref=xref)
        document.save(tmp_path / "b.pdf")
    with pytest.raises(UnparsableError) as raised:
        list(sandbox.render(path=tmp_path / "b.pdf", media_type=PDF))
    assert raised.value.code == "page_too_large"
    assert _still_reads(sandbox, tmp_path)


def test_a_picture_that_is_too_large_unpacked_is_told_by_its_header(sandbox: Sandbox, tmp_path: Path) -> None:
    """Its pixels aren't looked at: they are cut off after the first thousand lines."""
    side = 20_000
    packed = zlib.compress(b"\0" * ((1 + 3 * side) * 1000))
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")
    path = _write(tmp_path / "a.png", data)
    with pytest.raises(UnparsableError, match="page 1 holds a picture of 20000 x 20000 pixels") as raised:
        sandbox.read_document(path=path, media_type=PNG)
    assert raised.value.code == "page_too_large"


def test_pages_of_a_tiff_and_of_a_turned_photograph(sandbox: Sandbox, tmp_path: Path) -> None:
    frames = [Image.new("L", (200, 100), shade) for shade in (255, 200, 150)]
    frames[0].save(tmp_path / "a.tiff", save_all=True, append_images=frames[1:])
    assert len(sandbox.read_document(path=tmp_path / "a.tiff", media_type=TIFF).pages) == 3
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    buffer = BytesIO()
    Image.new("L", (400, 200), 255).save(buffer, "JPEG", exif=exif)
    path = _write(tmp_path / "b.jpg", buffer.getvalue())
    (page,) = sandbox.read_document(path=path, media_type="image/jpeg").pages
    assert page.height == pytest.approx(2 * page.width, rel=0.02)


def test_a_document_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    stream = b"q " * 100 + b"0 0 1 1 re f " * 3_000_000
    with pymupdf.open() as document:
        page = document.new_page()
        xref = document.get_new_xref()
        document.update_object(xref, "<<>>")
        document.update_stream(xref, stream)
        page.set_contents(xref)
        document.save(tmp_path / "a.pdf", deflate=True)
    limits = Limits(cpu_seconds=1, cpu_seconds_per_page=0, wall_seconds=3, wall_seconds_per_page=0)
    with Sandbox(limits=limits) as sandbox:
        with pytest.raises(UnparsableError) as raised:
            list(sandbox.render(path=tmp_path / "a.pdf", media_type=PDF))
        assert raised.value.code == "too_slow"
        assert _still_reads(sandbox, tmp_path)


@cache
def _bomb() -> bytes:
    """Return a PDF of 200 pages, 300 kB: the content of the second one inflates to 260 MB of tiny squares."""
    packer = zlib.compressobj(9)
    stream = b"".join(packer.compress(b"0 0 1 1 re f " * 100_000) for _ in range(200)) + packer.flush()
    with pymupdf.open() as document:
        for number in range(200):
            document.new_page().insert_text((72, 72), f"page {number + 1}")
        (xref,) = document[1].get_contents()
        document.update_stream(xref, zlib.compress(stream), compress=False, new=False)
        document.xref_set_key(xref, "Filter", "[/FlateDecode/FlateDecode]")
        return bytes(document.tobytes())


EVERYWHERE = [(page, Box(0.1, 0.1, 0.2, 0.2)) for page in range(1, 201)]
OFTEN = [(2, Box(0.1, 0.1, 0.2, 0.2))] * 200


@pytest.mark.parametrize(
    "ask",
    [
        lambda sandbox, path: sandbox.read_document(path=path, media_type=PDF),
        lambda sandbox, path: list(sandbox.render(path=path, media_type=PDF)),
        lambda sandbox, path: sandbox.look(path=path, media_type=PDF, places=EVERYWHERE),
        lambda sandbox, path: sandbox.look(path=path, media_type=PDF, places=OFTEN),
    ],
    ids=["read", "render", "look everywhere", "look often"],
)
def test_a_page_has_no_more_time_in_a_long_document(tmp_path: Path, ask: Callable[[Sandbox, Path], object]) -> None:
    """All pages together have 201 s of CPU time, and this page would take fewer; but it has only 2."""
    path = _write(tmp_path / "a.pdf", _bomb())
    with Sandbox(limits=Limits(cpu_seconds=1, cpu_seconds_per_page=1)) as sandbox:
        with pytest.raises(UnparsableError) as raised:
            ask(sandbox, path)
        assert raised.value.code == "too_slow"
        assert _zygote(sandbox).children() == []
        assert _still_reads(sandbox, tmp_path)


def _zygote(sandbox: Sandbox) -> psutil.Process:
    sandbox.start()
    assert sandbox._zygote is not None
    return psutil.Process(sandbox._zygote.pid)


def test_the_child_has_no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUIRE_SECRET_KEY", "must not leak")
    with Sandbox() as sandbox:
        environment = Path(f"/proc/{_zygote(sandbox).pid}/environ").read_bytes()
    assert b"QUIRE" not in environment
    assert b"must not leak" not in environment


def test_the_child_goes_without_network_and_privileges(sandbox: Sandbox) -> None:
    assert sandbox.protections["no_privileges"]
    if os.geteuid() == 0:
        assert sandbox.protections["no_network"]


def test_a_killed_zygote_is_started_again(sandbox: Sandbox, tmp_path: Path) -> None:
    os.kill(_zygote(sandbox).pid, signal.SIGKILL)
    assert _still_reads(sandbox, tmp_path)


def test_a_closed_sandbox_leaves_no_process() -> None:
    with Sandbox() as sandbox:
        zygote = _zygote(sandbox)
    zygote.wait(timeout=10)
    assert not psutil.pid_exists(zygote.pid)
