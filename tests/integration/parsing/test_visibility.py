"""What a text layer holds and the page doesn't show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pymupdf
import pytest

from apps.parsing import sniff
from apps.parsing.pages import Box
from apps.parsing.sandbox import Sandbox
from tests.factories.documents import pdf

WHITE, BLACK, GRAY, RED, GREEN = (1, 1, 1), (0, 0, 0), (0.75, 0.75, 0.75), (0.9, 0, 0), (0, 0.6, 0)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def _page(page: pymupdf.Page) -> None:
    page.insert_text((50, 100), "plain", fontsize=11)
    page.insert_text((50, 130), "white", fontsize=11, color=WHITE)
    page.insert_text((50, 160), "inkless", fontsize=11, render_mode=3)
    page.insert_text((50, 190), "tiny", fontsize=1.5)
    page.insert_text((50, 220), "covered", fontsize=11)
    page.draw_rect(pymupdf.Rect(40, 205, 200, 225), color=GRAY, fill=GRAY)
    page.draw_rect(pymupdf.Rect(40, 235, 200, 258), color=BLACK, fill=BLACK)
    page.insert_text((50, 250), "reversed", fontsize=11, color=WHITE)
    page.draw_rect(pymupdf.Rect(40, 265, 200, 288), color=GREEN, fill=GREEN)
    page.insert_text((50, 280), "coloured", fontsize=11, color=RED)
    page.insert_text((50, 310), "pale", fontsize=11, color=GRAY)
    page.insert_text((50, 340), "small", fontsize=5)


def _boxes(sandbox: Sandbox, path: Path) -> dict[str, tuple[int, Box]]:
    document = sandbox.read_document(path=path, media_type=sniff.PDF)
    return {f"{word.text}": (page.number, word.box) for page in document.pages for word in page.words}


@pytest.mark.parametrize("rotation", [0, 90])
def test_only_what_a_reader_sees_is_seen(sandbox: Sandbox, tmp_path: Path, rotation: int) -> None:
    path = tmp_path / "a.pdf"
    with pymupdf.open() as document:
        _page(document.new_page(width=595, height=842))
        document[0].set_rotation(rotation)
        document.save(path)
    boxes = _boxes(sandbox, path)
    if rotation:  # a turned word is as wide as it was high
        boxes.pop("tiny")
    seen = dict(zip(boxes, sandbox.look(path=path, media_type=sniff.PDF, places=list(boxes.values())), strict=True))
    hidden = {"white", "inkless", "tiny", "covered"} & boxes.keys()
    assert {word for word, visible in seen.items() if not visible} == hidden
    assert {"plain", "reversed", "coloured", "pale", "small"} <= seen.keys()


def test_the_text_layer_of_a_scan_is_seen_where_the_scan_has_ink(sandbox: Sandbox, tmp_path: Path) -> None:
    with pymupdf.open() as document:
        page = document.new_page(width=595, height=842)
        page.insert_text((50, 100), "scanned", fontsize=11)
        picture = page.get_pixmap(dpi=150)
        scan = document.new_page(width=595, height=842)
        scan.insert_image(scan.rect, pixmap=picture)
        scan.insert_text((50, 100), "scanned", fontsize=11, render_mode=3)
        scan.insert_text((50, 400), "planted", fontsize=11, render_mode=3)
        document.delete_page(0)
        path = tmp_path / "scan.pdf"
        document.save(path)
    with pymupdf.open(path) as document:
        layer = {
            text: Box(x0 / 595, y0 / 842, x1 / 595, y1 / 842)
            for x0, y0, x1, y1, text, *_ in document[0].get_text("words")
        }
    places = [(1, layer["scanned"]), (1, layer["planted"])]
    assert sandbox.look(path=path, media_type=sniff.PDF, places=places) == (True, False)


def _white_first(page: pymupdf.Page) -> None:
    page.insert_text((50, 100), OTHER, fontsize=11, color=WHITE)


def _painted_over(page: pymupdf.Page) -> None:
    page.insert_text((50, 100), OTHER, fontsize=11)
    page.draw_rect(pymupdf.Rect(40, 85, 300, 105), color=WHITE, fill=WHITE)


HONEST, OTHER = "Seller: Northwind Instruments Ltd", "Seller: Evil Holdings Limited"
HIDING = {
    "without ink": lambda page: page.insert_text((50, 100), OTHER, fontsize=11, render_mode=3),
    "transparent": lambda page: page.insert_text((50, 100), OTHER, fontsize=11, fill_opacity=0),
    "white": _white_first,
    "painted over": _painted_over,
}


@pytest.mark.parametrize("rotation", [0, 90])
@pytest.mark.parametrize("hiding", HIDING)
def test_words_hidden_where_others_are_shown_are_not_seen(
    sandbox: Sandbox, tmp_path: Path, hiding: str, rotation: int
) -> None:
    path = tmp_path / "a.pdf"
    with pymupdf.open() as document:
        page = document.new_page(width=595, height=842)
        HIDING[hiding](page)
        page.insert_text((50, 100), HONEST, fontsize=11)
        page.insert_text((50, 130), HONEST, fontsize=11)
        page.set_rotation(rotation)
        document.save(path)
    boxes = [
        (1, word.box)
        for page in sandbox.read_document(path=path, media_type=sniff.PDF).pages
        for word in page.words
        if word.text in {"Evil", "Holdings"}
    ]
    with pymupdf.open(path) as document:
        seen = [
            (1, Box(x0 / 595, y0 / 842, x1 / 595, y1 / 842))
            for x0, y0, x1, y1, text, *_ in document[0].get_text("words")
            if text in {"Northwind", "Instruments"} and y0 > 110
        ]
    assert (len(boxes), len(seen)) == (2, 2)
    assert sandbox.look(path=path, media_type=sniff.PDF, places=boxes) == (False, False)
    if not rotation:
        assert sandbox.look(path=path, media_type=sniff.PDF, places=seen) == (True, True)


@pytest.mark.parametrize(("shown", "layer"), [("78120", "781.20"), ("781.20", "1781.20"), ("781.20", "981.20")])
def test_one_hidden_sign_among_others_that_are_shown_is_found(
    sandbox: Sandbox, tmp_path: Path, shown: str, layer: str
) -> None:
    path = tmp_path / "a.pdf"
    with pymupdf.open() as document:
        page = document.new_page(width=595, height=842)
        page.insert_text((50, 100), shown, fontsize=11, fontname="cour")
        page.insert_text((50, 100), layer, fontsize=11, fontname="cour", render_mode=3)
        page.insert_text((50, 130), shown, fontsize=11, fontname="cour")
        page.insert_text((50, 130), shown, fontsize=11, fontname="cour", render_mode=3)
        document.save(path)
    places = [(1, Box(45 / 595, top / 842, 120 / 595, (top + 14) / 842)) for top in (90, 120)]
    assert sandbox.look(path=path, media_type=sniff.PDF, places=places) == (False, True)


def _scan_with_layer(path: Path, *, layer: str) -> Box:
    """Write a scan of HONEST under a text layer of other or the same words, and return where those stand."""
    with pymupdf.open() as document:
        page = document.new_page(width=595, height=842)
        page.insert_text((50, 100), HONEST, fontsize=11)
        page.insert_text((50, 130), "Total due: GBP 781.20", fontsize=11)
        picture = page.get_pixmap(dpi=200)
        scan = document.new_page(width=595, height=842)
        scan.insert_image(scan.rect, pixmap=picture)
        scan.insert_text((50, 100), layer, fontsize=11, render_mode=3)
        for line in range(12):
            scan.insert_text((50, 200 + 12 * line), "words that make it a text layer", fontsize=9, render_mode=3)
        document.delete_page(0)
        document.save(path)
    return Box(48 / 595, 88 / 842, 300 / 595, 104 / 842)


@pytest.mark.parametrize(
    ("layer", "seen"),
    [
        (HONEST, True),
        ("Sellcr: Northwind lnstruments Ltd", True),
        ("Seller: Northwind Instruments 7 Ltd", False),
        (OTHER, False),
    ],
)
def test_ocr_says_whether_a_scan_shows_what_its_text_layer_says(
    sandbox: Sandbox, tmp_path: Path, layer: str, seen: bool
) -> None:
    path = tmp_path / "scan.pdf"
    box = _scan_with_layer(path, layer=layer)
    assert sandbox.look(path=path, media_type=sniff.PDF, places=[(1, box)]) == (seen,)


def test_a_page_of_many_such_places_is_read_as_a_whole(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "scan.pdf"
    box = _scan_with_layer(path, layer=HONEST)
    assert sandbox.look(path=path, media_type=sniff.PDF, places=[(1, box)] * 40) == (True,) * 40


def test_answers_stand_in_the_order_of_the_questions(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "many.pdf"
    with pymupdf.open() as document:
        for number in range(3):
            page = document.new_page(width=595, height=842)
            if number != 1:
                page.insert_text((50, 100), "word", fontsize=11)
        document.save(path)
    (_page_number, box) = _boxes(sandbox, path)["word"]
    places = [(page, box) for page in (3, 2, 1)] * 700
    assert sandbox.look(path=path, media_type=sniff.PDF, places=places) == (True, False, True) * 700
    assert sandbox.look(path=path, media_type=sniff.PDF, places=[]) == ()


def test_between_parts_of_many_places_it_can_be_ended(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf())
    places = [(1, Box(0.1, 0.1, 0.2, 0.2))] * 2100
    calls: list[int] = []

    def end() -> None:
        calls.append(len(calls))
        if len(calls) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sandbox.look(path=path, media_type=sniff.PDF, places=places, between=end)
    assert calls == [0, 1]
    calls += [2]
    assert len(sandbox.look(path=path, media_type=sniff.PDF, places=places, between=end)) == 2100
    assert calls == [0, 1, 2, 3, 4, 5]
