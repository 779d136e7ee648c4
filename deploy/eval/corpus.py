"""The corpus' rows and their truth, in the words of the shipped schemas."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from apps.extraction.canonical import canonical
from apps.parsing import sniff
from apps.schemas.fields import Kind

PROJECT = Path(__file__).resolve().parents[2]
E_INVOICES = ("zugferd_corpus", "horstoeko_zugferd", "akretion_facturx")
SCHEMAS = {
    **dict.fromkeys(E_INVOICES, "invoice"),
    "vrdu_adbuy": "advertising-contract",
    "kleister_nda": "nda",
    "sroie": "receipt",
}
_MEDIA = {"pdf": sniff.PDF, "xml": sniff.XML, "jpg": sniff.JPEG, "png": sniff.PNG}
_HEADER = (
    "invoice_number",
    "issue_date",
    "seller_name",
    "buyer_name",
    "currency",
    "net_total",
    "tax_total",
    "gross_total",
)
_COLUMNS = ("description", "quantity", "unit_price", "line_total")


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What one field is: `values` are all right ones (None: the document has none); `shown` whether a page shows it."""

    kind: Kind
    values: tuple[str, ...] | None
    shown: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One document with its truth.

    `fields` are plain fields by name; `entries` lists by name; `rows` the line items, each a mapping of columns.
    `natural`: it looks like a real document, not like a stylesheet's dump of an XML.
    """

    set: str
    path: Path
    name: str
    sha256: str
    family: str
    media_type: str
    schema: str
    natural: bool
    fields: Mapping[str, Truth]
    entries: Mapping[str, tuple[str, ...]]
    rows: tuple[Mapping[str, str], ...] = ()
    rows_shown: bool = True

    @property
    def half(self) -> str:
        return half(self.family)


def half(family: str) -> str:
    """Return the side of the split that a family is on: `tune` or `held`."""
    return "held" if hashlib.sha256(family.encode()).digest()[-1] % 2 else "tune"


def folder() -> Path:
    """Return the corpus' folder. Raises FileNotFoundError with what to do."""
    path = Path(os.environ.get("QUIRE_CORPUS") or PROJECT.parent / "shared" / "corpus")
    if not (path / "manifest.jsonl").is_file():
        raise FileNotFoundError(
            f"there is no corpus in {path}: set QUIRE_CORPUS to the folder that holds manifest.jsonl"
        )
    return path


def examples(*, sets: frozenset[str] | None = None) -> Iterator[Example]:
    """Yield every document with a usable truth, in the manifest's order."""
    root = folder()
    with (root / "manifest.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if row["category"] != "A" or not row["truth"] or row["set"] not in SCHEMAS:
                continue
            if (sets and row["set"] not in sets) or row.get("truth_usable") is False:
                continue
            yield _example(root, row)


def _example(root: Path, row: Mapping[str, Any]) -> Example:
    truth = json.loads((root / row["truth"]).read_text(encoding="utf-8"))
    reading = {"vrdu_adbuy": _contract, "kleister_nda": _nda, "sroie": _receipt}.get(row["set"])
    fields, entries, rows = reading(truth) if reading else _invoice(truth)
    visible = truth.get("_visible_in_text", {})
    return Example(
        set=row["set"],
        path=root / row["path"],
        name=row["path"],
        sha256=row["sha256"],
        family=row["family"],
        media_type=_MEDIA[row["ext"]],
        schema=SCHEMAS[row["set"]],
        natural=row["ext"] != "xml" and not row.get("stylesheet_render"),
        fields=fields,
        entries=entries,
        rows=rows,
        rows_shown=visible.get("line_totals_frac", 1.0) == 1.0,
    )


_Read = tuple[dict[str, Truth], dict[str, tuple[str, ...]], tuple[Mapping[str, str], ...]]


def _invoice(truth: Mapping[str, Any]) -> _Read:
    visible = truth.get("_visible_in_text", {})
    kinds = {
        "invoice_number": Kind.IDENTIFIER,
        "issue_date": Kind.DATE,
        "currency": Kind.CURRENCY,
        "seller_name": Kind.ORGANISATION,
        "buyer_name": Kind.ORGANISATION,
    }
    fields = {}
    for name in _HEADER:
        value = truth.get(name)
        if value is None or value == "":
            continue
        # UBL names a party twice, as it trades and as it is registered: both name it.
        legal = truth.get(name.replace("_name", "_legal_name")) if name.endswith("_name") else None
        values = tuple(_plain(item) for item in (value, legal) if item not in {None, ""})
        fields[name] = Truth(kind=kinds.get(name, Kind.MONEY), values=values, shown=visible.get(name, True))
    rows = tuple(
        {name: _plain(item[name]) for name in _COLUMNS if item.get(name) not in {None, ""}}
        for item in truth.get("line_items") or ()
    )
    return fields, {}, rows


def _contract(truth: Mapping[str, Any]) -> _Read:
    names = {
        "contract_num": ("contract_number", Kind.IDENTIFIER),
        "advertiser": ("advertiser", Kind.ORGANISATION),
        "gross_amount": ("gross_amount", Kind.MONEY),
        "flight_from": ("flight_from", Kind.DATE),
        "flight_to": ("flight_to", Kind.DATE),
    }
    fields = {ours: Truth(kind=kind, values=(truth[name],)) for name, (ours, kind) in names.items() if truth.get(name)}
    return fields, {}, ()


def _nda(truth: Mapping[str, Any]) -> _Read:
    kinds = {"effective_date": Kind.DATE, "jurisdiction": Kind.TEXT, "term": Kind.DURATION}
    fields = {
        name: Truth(kind=kind, values=(truth[name],) if truth.get(name) else None) for name, kind in kinds.items()
    }
    return fields, {"parties": tuple(truth.get("party") or ())}, ()


def _receipt(truth: Mapping[str, Any]) -> _Read:
    fields = {
        "merchant_name": Truth(kind=Kind.ORGANISATION, values=(truth["company"],)),
        "merchant_address": Truth(kind=Kind.ADDRESS, values=(truth["address"],)),
    }
    for name, kind in (("date", Kind.DATE), ("total", Kind.MONEY)):
        value = canonical(truth[name], kind, day_first=True)
        if value:
            fields[name] = Truth(kind=kind, values=(value,))
    return fields, {}, ()


def _plain(value: object) -> str:
    return format(Decimal(repr(value)), "f") if isinstance(value, float) else str(value)
