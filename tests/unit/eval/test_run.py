"""The whole measurement on a corpus of three files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from apps.parsing import sniff
from deploy.eval.__main__ import main
from deploy.eval.corpus import examples, folder, half
from deploy.eval.parsed import ParsedCorpus, stripped
from tests.unit.extraction.einvoice import documents

TRUTH = {
    "invoice_number": "F-2024-001",
    "issue_date": "2024-01-31",
    "seller_name": "Alpha & Söhne SARL",
    "buyer_name": "Beta GmbH",
    "currency": "EUR",
    "net_total": 100.0,
    "tax_total": 19.0,
    "gross_total": 119.0,
    "line_items": [
        {"description": "Pen, blue", "quantity": 2.0, "unit_price": 20.0, "line_total": 40.0},
        {"description": "Ink", "quantity": 3.0, "unit_price": 20.0, "line_total": 60.0},
    ],
}


def family_on(side: str) -> str:
    return next(name for name in map(str, range(100)) if half(name) == side)


def add(root: Path, name: str, data: bytes, truth: dict[str, Any] | None, **facts: object) -> dict[str, object]:
    (root / name).write_bytes(data)
    row: dict[str, object] = {
        "set": "zugferd_corpus",
        "path": name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "truth": None if truth is None else f"{name}.truth.json",
        "category": "A",
        "ext": name.rsplit(".", 1)[-1],
        "family": family_on("tune"),
    }
    if truth is not None:
        (root / f"{name}.truth.json").write_text(json.dumps(truth), encoding="utf-8")
    return row | facts


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    wrong = TRUTH | {"gross_total": 120.0, "tax_total": 0.0}
    rows = [
        add(tmp_path, "right.xml", documents.cii(), TRUTH),
        add(tmp_path, "wrong.xml", documents.UBL_INVOICE, wrong, family=family_on("held")),
        add(tmp_path, "unusable.xml", documents.cii(), TRUTH, truth_usable=False),
        add(tmp_path, "unlabelled.xml", documents.cii(), None),
        add(tmp_path, "hostile.xml", documents.cii(), TRUTH, category="C"),
    ]
    (tmp_path / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    monkeypatch.setenv("QUIRE_CORPUS", str(tmp_path))
    return tmp_path


def test_the_measurement_counts_right_and_wrong_by_half(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.eval.__main__.RUN", tmp_path / "run")
    output = tmp_path / "run" / "eval.json"
    assert main(["--engine", "einvoice", "--errors", "--output", str(output)]) == 0
    figures = json.loads(output.read_text(encoding="utf-8"))
    found = {
        (item["half"], item["field"]): (item["present"], item["answered"], item["right"]) for item in figures["results"]
    }
    assert found["tune", "gross_total"] == (1, 1, 1)
    assert found["held", "gross_total"] == (1, 1, 0)
    assert found["held", "tax_total"] == (1, 1, 0)
    assert found["tune", "line_items.line_total"] == (2, 2, 2)
    target = next(item for item in figures["targets"] if item["engine"] == "einvoice" and item["half"] == "held")
    assert (target["present"], target["right"], target["precision"]) == (8, 6, 0.75)
    printed = capsys.readouterr().out
    assert "said '119.00', truth '120.0'" in printed
    assert "NOT reached" in printed


def test_a_document_that_cannot_be_read_counts_as_not_answered(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.eval.__main__.RUN", tmp_path / "run")
    (corpus / "right.xml").write_bytes(b"<broken")
    output = tmp_path / "eval.json"
    assert main(["--engine", "einvoice", "--half", "tune", "--field", "currency", "--output", str(output)]) == 1
    figures = json.loads(output.read_text(encoding="utf-8"))
    assert [(item["present"], item["answered"], item["coverage"]) for item in figures["results"]] == [(1, 0, 0.0)]
    assert "1 documents could not be read: they count as not answered" in capsys.readouterr().out


def test_options_choose_what_is_measured(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.eval.__main__.RUN", tmp_path / "run")
    output = tmp_path / "eval.json"
    main(["--engine", "einvoice", "--half", "tune", "--field", "currency", "--output", str(output)])
    figures = json.loads(output.read_text(encoding="utf-8"))
    assert [(item["half"], item["field"]) for item in figures["results"]] == [("tune", "currency")]


def test_only_documents_with_a_usable_truth_are_measured(corpus: Path) -> None:
    assert [example.name for example in examples()] == ["right.xml", "wrong.xml"]
    assert [example.name for example in examples(sets=frozenset({"sroie"}))] == []


def test_without_a_corpus_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUIRE_CORPUS", str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match=r"set QUIRE_CORPUS to the folder that holds manifest\.jsonl"):
        folder()


def test_a_family_is_on_one_side() -> None:
    assert half("einv:471102") == "tune"
    assert half("einv:47110818") == "held"
    assert {half(str(number)) for number in range(50)} == {"tune", "held"}


def test_parsed_documents_are_kept_as_they_are(corpus: Path, tmp_path: Path) -> None:
    example = next(examples())
    parsed = ParsedCorpus(folder=tmp_path / "cache")
    try:
        first = parsed.read(path=example.path, sha256=example.sha256, media_type=sniff.XML)
        example.path.unlink()
        again = parsed.read(path=example.path, sha256=example.sha256, media_type=sniff.XML)
    finally:
        parsed.close()
    assert again == first
    assert [item.data for item in again.attachments] == [documents.cii()]
    assert stripped(again).attachments == ()
    assert stripped(again).pages == first.pages
