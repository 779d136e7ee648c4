"""A document of 1,200 pages: read in windows and stretches that meet without a seam, in the memory of a short one."""

from __future__ import annotations

import json
import re
import tracemalloc
from collections.abc import Callable, Container, Iterator
from dataclasses import replace
from uuid import UUID

import pytest

from apps.common.clock import SYSTEM_CLOCK
from apps.common.ids import new_id
from apps.documents.models import Blob
from apps.extraction.engines.protocol import ExtractionRequest
from apps.extraction.engines.sglang import SglangEngine
from apps.extraction.stretches import PAGES, Stretch, read, united
from apps.extraction.values import ExtractedValue, ValueStatus
from apps.inference.client import SglangClient
from apps.inference.ledger import CallRecord
from apps.inference.profiles import profile
from apps.parsing import operations, queries
from apps.parsing.codec import encode_page, peek
from apps.parsing.pages import ParsedDocument
from apps.pipeline.planning import shards
from apps.pipeline.stages import BY_NAME
from apps.schemas.fields import Field, Kind, Schema
from apps.tenants.scope import tenant_scope
from tests.factories import pages
from tests.factories.purse import OpenPurse
from tests.faults.sglang_server import Fault, LoopbackServer, loopback_server

FILLER = "Remarks about the delivery, its packing, its weight and whoever received it on the day, in many words."
# The context of a small model, and pages of few lines: as many windows as a million tokens make of the usual 128k.
CONTEXT = 32_768
ROW = re.compile(r"(Pump P-(\d+)) +2 +([\d,]+\.\d\d) +([\d,]+\.\d\d)")
SCHEMA = Schema(
    slug="statement",
    version=1,
    title="Statement",
    description="",
    fields=(
        Field(name="grand_total", title="Grand total", kind=Kind.MONEY, labels={"en": ("Grand total",)}),
        Field(
            name="rows",
            title="Rows",
            kind=Kind.ARRAY,
            columns=(
                Field(name="item", title="Item", kind=Kind.TEXT, labels={"en": ("Item",)}),
                Field(name="quantity", title="Quantity", kind=Kind.NUMBER, labels={"en": ("Qty",)}),
                Field(name="price", title="Price", kind=Kind.MONEY, labels={"en": ("Price",)}),
                Field(name="amount", title="Amount", kind=Kind.MONEY, labels={"en": ("Amount",)}),
            ),
        ),
    ),
)


class _NoLedger(OpenPurse):
    def record(self, call: CallRecord) -> None:
        """Keep nothing: what is kept would count as memory."""


def _store(tenant: UUID, *, count: int, rows: Container[int]) -> UUID:
    """Write pages of prose, those of `rows` with a row of a table, the last with the total."""
    blob = new_id()
    with tenant_scope(tenant):
        Blob.objects.create(
            tenant_id=tenant,
            id=blob,
            sha256=blob.hex * 2,
            size=1,
            media_type="application/pdf",
            key=f"{blob}",
            created_at=SYSTEM_CLOCK.now(),
        )
    for start in range(1, count + 1, 100):
        encoded = []
        for number in range(start, min(start + 100, count + 1)):
            lines = [f"Page {number} of the statement", ""] + [FILLER] * 8
            if number in rows:
                price = f"{number}.00"
                lines[1:1] = [
                    "Item            Qty   Price        Amount",
                    f"Pump P-{number}     2     {price}       {2 * number}.00",
                ]
            if number == count:
                lines.append("Grand total   98,765.00")
            encoded.append(peek(encode_page(pages.page("\n".join(lines), number=number))))
        operations.store_pages(tenant_id=tenant, blob_id=blob, pages=encoded)
    return blob


def _reads_the_rows(done: Callable[[], None]) -> Fault:
    """Answer as a model would that reads every row that it is shown, and the total where it stands."""

    def fault(handler: object) -> None:
        request = handler.state.requests[-1]  # type: ignore[attr-defined] # the server's handler
        handler.state.requests.clear()  # type: ignore[attr-defined]
        done()
        asked = request["response_format"]["json_schema"]["schema"]["properties"]
        rows, total = [], None
        for part in request["messages"][1]["content"][:-1]:
            opening = re.match(r"<page (\d+) ", part["text"])
            assert opening is not None
            page = int(opening[1])
            for item, _, price, amount in ROW.findall(part["text"]):
                rows.append(
                    {
                        "item": {"value": item, "quote": item, "page": page},
                        "quantity": {"value": "2", "quote": item, "page": page},
                        "price": {"value": price, "quote": item, "page": page},
                        "amount": {"value": amount, "quote": item, "page": page},
                    }
                )
            if "Grand total" in part["text"]:
                total = {"value": "98,765.00", "quote": "Grand total 98,765.00", "page": page}
        said = {name: {"rows": rows, "grand_total": total}[name] for name in asked}
        handler.write(json.dumps(said), finish_reason="stop", stream=True)  # type: ignore[attr-defined]

    return fault


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with loopback_server() as server:
        yield server


def _ask(tenant: UUID, blob: UUID, server: LoopbackServer) -> tuple[tuple[ExtractedValue, ...], int, int]:
    """Return what the model engine finds, the windows it asked for, and the peak of memory in bytes."""
    asked: list[None] = []
    server.faults = [_reads_the_rows(lambda: asked.append(None))] * 100
    client = SglangClient(base_url=server.url)
    engine = SglangEngine(profile=replace(profile("small"), context=CONTEXT), client=client, ledger=_NoLedger())
    source = queries.stored_pages(tenant_id=tenant, blob_id=blob)
    tracemalloc.start()
    try:
        found = engine.extract(
            ExtractionRequest(
                document=ParsedDocument(pages=(), language="en"),
                source=source,
                pictures={},
                schema=SCHEMA,
                wanted=frozenset({"grand_total", "rows"}),
            )
        )
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        client.close()
    assert found.notes == ()
    return found.values, len(asked), peak


def _rows(values: tuple[ExtractedValue, ...]) -> list[tuple[str, int]]:
    return [(value.value, value.evidence[0].page) for value in values if value.path.endswith("/item")]


def test_a_model_reads_1_200_pages_in_the_memory_of_a_few_windows(tenant: UUID, server: LoopbackServer) -> None:
    """Slow: each of 1,500 pages is counted, packed, sent and grounded. Four times the windows take no more memory."""
    _ask(tenant, _store(tenant, count=1, rows=(1,)), server)  # loads the tokenizer
    found, windows, peak = _ask(tenant, _store(tenant, count=300, rows=range(20, 301, 20)), server)
    assert _rows(found) == [(f"Pump P-{number}", number) for number in range(20, 301, 20)]
    assert windows > 1
    longer, more_windows, longer_peak = _ask(tenant, _store(tenant, count=1200, rows=range(20, 1201, 20)), server)
    assert _rows(longer) == [(f"Pump P-{number}", number) for number in range(20, 1201, 20)]
    (total,) = [value for value in longer if value.path == "/grand_total"]
    assert (total.value, total.evidence[0].page, total.status) == ("98765.00", 1200, ValueStatus.ACCEPTED)
    assert more_windows > 3.5 * windows
    assert longer_peak < 1.2 * peak


def test_the_local_engines_read_1_200_pages_in_stretches_without_a_seam(tenant: UUID) -> None:
    """Slow: the layout engine looks for labels and tables on each of 1,200 pages."""
    shown = range(PAGES - 4, PAGES + 5)
    source = queries.stored_pages(tenant_id=tenant, blob_id=_store(tenant, count=1200, rows=shown))
    document = ParsedDocument(pages=(), language="en")
    parts = []
    for piece in shards(stage=BY_NAME["extract"], page_count=1200):
        found = read(
            document=document,
            source=source,
            first=piece.first_page,
            last=piece.last_page,
            schema=SCHEMA,
            engines=("layout",),
        )
        parts.append(Stretch(values=found.values, notes=found.notes, alternatives=found.alternatives))
    answers = united(parts, document=document, source=source, schema=SCHEMA, engines=("layout",))
    (total,) = [value for value in answers.values if value.path == "/grand_total"]
    assert (total.value, total.evidence[0].page) == ("98765.00", 1200)
    assert _rows(answers.values) == [(f"Pump P-{number}", number) for number in shown]
