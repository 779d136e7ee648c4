"""Parsed documents whose truth is known: the corpus where there is one, else the shipped samples."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from apps.common.errors import QuireError
from apps.parsing import sniff
from apps.parsing.pages import ParsedDocument
from deploy.bench.material import SAMPLES
from deploy.eval.corpus import E_INVOICES, PROJECT, Example, examples, folder
from deploy.eval.parsed import ParsedCorpus


def documents(*, e_invoices: bool) -> Iterator[tuple[str, ParsedDocument]]:
    """Yield (name, document). `e_invoices`: PDFs that carry their XML; else every PDF with a text layer or without."""
    parsed = ParsedCorpus(folder=PROJECT / ".run" / "eval-cache")
    try:
        for name, path, sha256 in _paths(e_invoices=e_invoices):
            try:
                yield name, parsed.read(path=path, sha256=sha256, media_type=sniff.PDF)
            except QuireError:
                continue
    finally:
        parsed.close()


def with_truth() -> Iterator[tuple[Example, ParsedDocument]]:
    """Yield the corpus' PDFs beside their truth; nothing where there is no corpus."""
    parsed = ParsedCorpus(folder=PROJECT / ".run" / "eval-cache")
    try:
        for example in examples() if there_is_a_corpus() else ():
            if example.media_type != sniff.PDF or not example.natural:
                continue
            try:
                yield example, parsed.read(path=example.path, sha256=example.sha256, media_type=sniff.PDF)
            except QuireError:
                continue
    finally:
        parsed.close()


def there_is_a_corpus() -> bool:
    """Return whether the corpus lies where it is looked for."""
    try:
        folder()
    except FileNotFoundError:
        return False
    return True


def _paths(*, e_invoices: bool) -> Iterator[tuple[str, Path, str]]:
    if there_is_a_corpus():
        for example in examples(sets=frozenset(E_INVOICES) if e_invoices else None):
            if example.media_type == sniff.PDF and example.natural:
                yield example.name, example.path, example.sha256
        return
    for path in sorted(SAMPLES.glob("*.pdf")):
        yield path.name, path, hashlib.sha256(path.read_bytes()).hexdigest()
