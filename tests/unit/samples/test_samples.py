"""The shipped samples are there, licensed, small, and what their names say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import deploy.samples
from apps.extraction.engines.einvoice import EInvoiceEngine
from apps.extraction.engines.protocol import ExtractionRequest
from apps.parsing import sniff
from apps.parsing.pages import TextSource
from apps.parsing.sandbox import Sandbox
from apps.schemas.definitions import shipped_schemas
from deploy.samples.build import SOURCES

SAMPLES = Path(deploy.samples.__file__).parent
MANIFEST: list[dict[str, str]] = json.loads((SAMPLES / "manifest.json").read_text(encoding="utf-8"))
INVOICE = shipped_schemas()["invoice"]
WANTED = frozenset(field.name for field in INVOICE.fields)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as opened:
        yield opened


def test_the_manifest_is_what_the_builder_makes() -> None:
    assert [(item["file"], item["licence"], item["note"]) for item in MANIFEST] == [
        (source.file, source.licence, source.note) for source in SOURCES
    ]


def test_every_file_is_in_the_manifest_with_a_known_schema_and_licence() -> None:
    shipped = {path.name for path in SAMPLES.iterdir() if path.suffix in {".pdf", ".xml", ".jpg"}}
    assert {item["file"] for item in MANIFEST} == shipped
    assert {item["schema"] for item in MANIFEST} <= set(shipped_schemas())
    for item in MANIFEST:
        text = (SAMPLES / "licences" / f"{item['licence']}.txt").read_text(encoding="utf-8")
        assert item["source"].split(" ")[0] in text


def test_there_are_enough_and_they_are_small() -> None:
    sizes = [(SAMPLES / item["file"]).stat().st_size for item in MANIFEST]
    assert len(sizes) == 18
    assert max(sizes) < 320_000
    assert sum(sizes) < 2_500_000


@pytest.mark.parametrize("item", MANIFEST, ids=lambda item: item["file"])
def test_a_sample_is_what_its_name_says(item: dict[str, str], sandbox: Sandbox) -> None:
    path = SAMPLES / item["file"]
    media_type = sniff.sniff(path.read_bytes()[: sniff.HEAD_BYTES])
    assert media_type is not None
    if item["file"].startswith(("scan-", "photo-")):
        assert b"/Font" not in path.read_bytes()
        return
    document = sandbox.read_document(path=path, media_type=media_type)
    assert {page.source for page in document.pages} == {TextSource.LAYER}
    found = EInvoiceEngine().extract(ExtractionRequest(document=document, schema=INVOICE, wanted=WANTED)).values
    has_xml = "-without-xml" not in item["file"] and item["file"] != "invoice-en-workshop.pdf"
    assert bool(document.attachments) is has_xml
    assert ("/gross_total" in {value.path for value in found}) is has_xml
