"""Ruled tables, found in the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pymupdf
import pytest

from apps.parsing.pages import Table
from apps.parsing.sandbox import Sandbox
from apps.parsing.sniff import PDF

ROWS = (("Item", "Price"), ("Gauge", "480.00"), ("Service", "171.00"))
LEFT, TOP, WIDTH, HEIGHT = 100.0, 200.0, 150.0, 24.0


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def _tables(sandbox: Sandbox, path: Path, *, ruled: bool, rotation: int = 0) -> tuple[Table, ...]:
    with pymupdf.open() as document:
        page = document.new_page(width=595, height=842)
        for row, cells in enumerate(ROWS):
            for column, text in enumerate(cells):
                x, y = LEFT + column * WIDTH, TOP + row * HEIGHT
                if ruled:
                    page.draw_rect((x, y, x + WIDTH, y + HEIGHT))
                page.insert_text((x + 5, y + 16), text, fontsize=10)
        page.set_rotation(rotation)
        document.save(path)
    (rendered,) = sandbox.render(path=path, media_type=PDF)
    return rendered.tables


def test_a_ruled_table_is_found_with_its_cells(sandbox: Sandbox, tmp_path: Path) -> None:
    (table,) = _tables(sandbox, tmp_path / "a.pdf", ruled=True)
    assert table.rows == ROWS
    expected = (LEFT / 595, TOP / 842, (LEFT + 2 * WIDTH) / 595, (TOP + 3 * HEIGHT) / 842)
    assert table.box == pytest.approx(expected, abs=0.005)
    cell = table.cells[1][1]
    assert cell is not None
    expected = ((LEFT + WIDTH) / 595, (TOP + HEIGHT) / 842, (LEFT + 2 * WIDTH) / 595, (TOP + 2 * HEIGHT) / 842)
    assert cell == pytest.approx(expected, abs=0.005)


def test_on_a_turned_page_boxes_are_as_it_is_shown(sandbox: Sandbox, tmp_path: Path) -> None:
    (table,) = _tables(sandbox, tmp_path / "b.pdf", ruled=True, rotation=90)
    # Turned a quarter clockwise, what was down the page runs from right to left.
    expected = (
        1 - (TOP + 3 * HEIGHT) / 842,
        LEFT / 595,
        1 - TOP / 842,
        (LEFT + 2 * WIDTH) / 595,
    )
    assert table.box == pytest.approx(expected, abs=0.005)
    assert table.rows == (("Service", "Gauge", "Item"), ("171.00", "480.00", "Price"))


def test_text_without_lines_is_no_table(sandbox: Sandbox, tmp_path: Path) -> None:
    assert _tables(sandbox, tmp_path / "c.pdf", ruled=False) == ()
