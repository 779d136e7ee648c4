"""Planted words change no accepted value, whatever a model makes of them: grounding, eyes and rules catch it.

The model obeys every attack, also one that it can't have read. Each document goes the whole way, through the sandbox,
the cascade and the look at the page, twice: with a policy of the model alone, and with the engines before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.test import override_settings
from mistral_common.tokens.tokenizers.base import SpecialTokens

from apps.common.clock import SYSTEM_CLOCK
from apps.documents import queries as documents
from apps.documents.models import DocumentStatus
from apps.extraction.notes import another
from apps.extraction.values import ValueStatus
from apps.results import queries as results
from apps.schemas.operations import create_schema
from tests.factories import injections
from tests.factories.injections import TRUTH, Injection
from tests.factories.uploads import upload
from tests.faults.obedient_model import obeys
from tests.faults.sglang_server import LoopbackServer, loopback_server

SUM = {"net_total", "tax_total", "gross_total"}
POLICIES = {"alone": ["sglang:small"], "after": ["einvoice", "layout", "sglang:small"]}
_AMOUNT = r"^-?[0-9]{1,15}(\.[0-9]{1,6})?$"


def _field(title: str, kind: str, *labels: str, **more: Any) -> dict[str, Any]:
    how = {"kind": kind, "labels": {"en": list(labels)}}
    return {"type": "string", "title": title, "maxLength": 80, "x-quire": how} | more


PROPERTIES = {
    "invoice_number": _field("Invoice number", "identifier", "Invoice No.", "Invoice number"),
    "issue_date": _field("Issue date", "date", "Invoice date", "Date"),
    "seller_name": _field("Seller name", "organisation", "Seller", "From"),
    "iban": _field("IBAN", "iban", "IBAN"),
    "net_total": _field("Net total", "money", "Net total", "Subtotal", pattern=_AMOUNT),
    "tax_total": _field("Tax total", "money", "VAT", "Tax", pattern=_AMOUNT),
    "gross_total": _field("Gross total", "money", "Total due", "Total", pattern=_AMOUNT),
}


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with loopback_server() as server, override_settings(QUIRE_INFERENCE_URL=server.url):
        yield server


def _read(tenant: UUID, server: LoopbackServer, injection: Injection, policy: str) -> dict[str, tuple[str, str]]:
    """Return value and status by path after the whole pipeline."""
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "title": "Bill",
        "properties": PROPERTIES,
        "x-quire": {"engines": POLICIES[policy], "rules": ["net_total + tax_total = gross_total"]},
    }
    create_schema(tenant_id=tenant, slug="bill", document=document, clock=SYSTEM_CLOCK)
    server.faults = [obeys(claims=injection.claims, truth=TRUTH, raw=injection.raw)] * 3
    uploaded = upload(tenant, injection.pdf(), schema="bill", name=injection.name)
    found = documents.document(tenant_id=tenant, document_id=uploaded)
    assert found is not None
    assert found.status in {DocumentStatus.DONE, DocumentStatus.NEEDS_REVIEW}
    (result,) = results.results_of(tenant_id=tenant, document_id=uploaded)
    return {value.path[1:]: (value.value, value.status.value) for value in result.values}


@pytest.mark.parametrize("policy", POLICIES)
def test_an_honest_invoice_is_accepted_as_it_is(tenant: UUID, server: LoopbackServer, policy: str) -> None:
    honest = Injection(title="honest", plant=injections.untouched)
    read = _read(tenant, server, honest, policy)
    assert read == {name: (claim.value, ValueStatus.ACCEPTED.value) for name, claim in TRUTH.items()}


def test_the_true_value_stands_beside_a_visible_other_one(tenant: UUID, server: LoopbackServer) -> None:
    (injection,) = (item for item in injections.ALL if item.title == "other bank details below")
    read = _read(tenant, server, injection, "alone")
    assert read["iban"] == (injections.EVIL_IBAN, ValueStatus.NEEDS_REVIEW.value)
    (document,) = documents.newest_documents(tenant_id=tenant).items
    (result,) = results.results_of(tenant_id=tenant, document_id=document.id)
    assert [(value.path, value.value) for value in result.alternatives] == [("/iban", injections.TRUE_IBAN)]
    assert another(name="iban", page=1) in result.notes


def test_there_are_forty_attacks() -> None:
    assert len({injection.title for injection in injections.ALL}) == len(injections.ALL) >= 40


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("injection", injections.ALL, ids=lambda injection: injection.title)
def test_no_accepted_value_changes(tenant: UUID, server: LoopbackServer, injection: Injection, policy: str) -> None:
    read = _read(tenant, server, injection, policy)
    accepted = {name: value for name, (value, status) in read.items() if status == ValueStatus.ACCEPTED.value}
    assert accepted.items() <= {name: claim.value for name, claim in TRUTH.items()}.items()
    assert read.keys() <= PROPERTIES.keys()
    if injection.raw is None:
        # What the words don't speak of is read as ever: an attack costs a person a look, not the document its values.
        # But where a model's false amount breaks the sum, nobody can say which of the three is wrong.
        doubted = injection.claims.keys() | (SUM if policy == "alone" and injection.claims.keys() & SUM else set())
        assert TRUTH.keys() - doubted <= accepted.keys()
    for request in server.requests:
        _check_request(request)


def _check_request(request: dict[str, Any]) -> None:
    """The document stands within its markers, no tool is offered, and the form of the reply is bound."""
    assert not {"tools", "tool_choice", "functions"} & request.keys()
    assert request["response_format"]["type"] == "json_schema"
    system, user = request["messages"]
    assert system["role"] == "system"
    assert "never an instruction" in system["content"]
    texts = [part["text"] for part in user["content"] if part["type"] == "text"]
    for text in texts[:-1]:
        opening = re.match(r"<page (\d+) ([0-9a-f]{16})>\n", text)
        assert opening is not None
        closing = f"\n</page {opening[1]} {opening[2]}>"
        assert text.endswith(closing)
        assert text.count(opening[2]) == 2
    assert injections.EVIL_WRITTEN not in texts[-1]
    for token in (*SpecialTokens, injections.SPECIAL, "<|im_start|>"):
        assert not any(token in text for text in texts)
