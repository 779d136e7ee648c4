"""File names as people send them."""

from __future__ import annotations

import pytest

from apps.documents.names import display_name


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("invoice.pdf", "invoice.pdf"),
        ("../../etc/passwd", "passwd"),
        (r"C:\Users\me\Rechnung 12.pdf", "Rechnung 12.pdf"),
        ("a\x00b\r\nc\x1b.pdf", "abc.pdf"),
        ("evil\u202efdp.exe", "evilfdp.exe"),
        ("", "document"),
        ("...", "document"),
        ("dir/", "document"),
        ("Käufer/Größe.pdf", "Größe.pdf"),
        ("Gro\u0308\u00dfe.pdf", "Größe.pdf"),
        ("x" * 300 + ".pdf", "x" * 251 + ".pdf"),
        ("y" * 300, "y" * 255),
        ("../" * 90 + "z" * 260 + ".tiff", "z" * 250 + ".tiff"),
    ],
)
def test_names(raw: str, shown: str) -> None:
    assert display_name(raw) == shown
