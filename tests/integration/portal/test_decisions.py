"""Who may decide on values in the portal, and that it is the operation that REST calls."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client

from apps.documents.models import DocumentStatus
from apps.documents.queries import document as document_of
from apps.extraction.values import ValueStatus
from apps.results.queries import decisions_of
from apps.schemas.fields import Kind
from apps.tenants.models import Role
from tests.factories.members import signed_in
from tests.factories.rows import document, result, value

PASSWORD = "correct horse battery"
SOUND = (
    value("/invoice_number", "A-1", kind=Kind.IDENTIFIER),
    value("/issue_date", "2025-03-14", kind=Kind.DATE),
    value("/seller_name", "<b>Northwind</b>", kind=Kind.ORGANISATION),
    value("/currency", "GBP", kind=Kind.CURRENCY),
)
GROSS = value("/gross_total", "781.20", kind=Kind.MONEY, status=ValueStatus.NEEDS_REVIEW, confidence=0.5)


def _in_review(tenant: UUID, *values: Any) -> tuple[UUID, str]:
    """Return a document to check, and what a form says of how its values were seen."""
    document_id = document(tenant, status=DocumentStatus.NEEDS_REVIEW)
    result_id = result(tenant, document_id, *(values or (*SOUND, GROSS)))
    return document_id, f"{result_id} 0"


def _post(client: Client, document_id: UUID, **fields: str) -> Any:
    return client.post(f"/documents/{document_id}/decisions", fields)


def _status(tenant: UUID, document_id: UUID) -> DocumentStatus:
    found = document_of(tenant_id=tenant, document_id=document_id)
    assert found is not None
    return found.status


def test_a_reviewers_decision_is_written_with_who_took_it(tenant: UUID) -> None:
    document_id, seen = _in_review(tenant)
    client, email = signed_in(tenant, Role.REVIEWER)
    answer = _post(client, document_id, value="invoice/gross_total", verdict="accept", seen=seen)
    assert (answer.status_code, answer["Location"]) == (
        302,
        f"/documents/{document_id}?value=invoice%2Fgross_total#decide",
    )
    (decision,) = decisions_of(tenant_id=tenant, document_id=document_id)
    assert (decision.path, decision.verdict, decision.value) == ("/gross_total", "accept", "781.20")
    assert decision.decided_by == f"user {email}"
    assert _status(tenant, document_id) is DocumentStatus.DONE


def test_a_viewer_sees_why_and_decides_on_nothing(tenant: UUID) -> None:
    document_id, seen = _in_review(tenant)
    client, _ = signed_in(tenant, Role.VIEWER)
    page = client.get(f"/documents/{document_id}").content.decode()
    assert "Low confidence: Gross total" in page
    assert 'name="verdict"' not in page
    assert _post(client, document_id, value="invoice/gross_total", verdict="accept", seen=seen).status_code == 403
    assert decisions_of(tenant_id=tenant, document_id=document_id) == ()


def test_a_form_without_its_token_is_refused(tenant: UUID) -> None:
    document_id, seen = _in_review(tenant)
    client, _ = signed_in(tenant, Role.ADMIN, strict=True)
    assert _post(client, document_id, value="invoice/gross_total", verdict="accept", seen=seen).status_code == 403
    assert decisions_of(tenant_id=tenant, document_id=document_id) == ()


def test_another_tenants_document_is_not_there(tenant: UUID, other_tenant: UUID) -> None:
    document_id, seen = _in_review(other_tenant)
    client, _ = signed_in(tenant, Role.ADMIN)
    assert _post(client, document_id, value="invoice/gross_total", verdict="accept", seen=seen).status_code == 404
    assert decisions_of(tenant_id=other_tenant, document_id=document_id) == ()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"verdict": "correct", "right": "1,00"}, "Write a value of the kind money as a decimal without separators"),
        ({"verdict": "correct", "right": ""}, "Write a value of the kind money as a decimal without separators"),
        ({"verdict": "perhaps"}, "This has changed since you saw it"),
        ({"verdict": "accept", "seen": "nonsense"}, "This has changed since you saw it"),
        ({"verdict": "accept", "seen": f"{uuid4()} 0"}, "This has changed since you saw it"),
        ({"verdict": "accept", "value": "invoice/nothing"}, "This has changed since you saw it"),
        ({"verdict": "accept", "lit": "invoice/currency"}, "Another value was chosen meanwhile: look at it"),
        ({"all": "1", "version": "before"}, "The document has changed since you saw it"),
    ],
)
def test_what_cannot_be_taken_brings_the_page_again_with_the_reason(
    tenant: UUID, fields: dict[str, str], words: str
) -> None:
    document_id, seen = _in_review(tenant)
    client, _ = signed_in(tenant, Role.REVIEWER)
    answer = _post(client, document_id, **({"value": "invoice/gross_total", "seen": seen} | fields))
    assert answer.status_code == 200
    assert f'id="refused" role="alert">{words}' in answer.content.decode()
    assert decisions_of(tenant_id=tenant, document_id=document_id) == ()
    assert _status(tenant, document_id) is DocumentStatus.NEEDS_REVIEW


def test_a_right_value_that_is_too_long_is_refused_and_never_cut(tenant: UUID) -> None:
    document_id, seen = _in_review(tenant)
    client, _ = signed_in(tenant, Role.REVIEWER)
    fields = {"value": "invoice/seller_name", "verdict": "correct", "seen": seen}
    page = _post(client, document_id, right="x" * 10_001, **fields).content.decode()
    words = "The right value has 10001 characters, and at most 10000 can be kept: shorten it"
    assert f'id="refused" role="alert">{words}<' in page
    # All that was typed is there to be shortened, and nothing in the page cuts what is pasted.
    (field,) = re.findall(r'<input name="right"[^>]*>', page)
    assert f'value="{"x" * 10_001}"' in field
    assert "maxlength" not in field
    assert decisions_of(tenant_id=tenant, document_id=document_id) == ()
    assert _post(client, document_id, right=f" {'x' * 10_000} ", **fields).status_code == 302
    (decision,) = decisions_of(tenant_id=tenant, document_id=document_id)
    assert decision.value == "x" * 10_000


def test_what_is_under_way_is_not_decided_on(tenant: UUID) -> None:
    document_id = document(tenant, status=DocumentStatus.EXTRACTED)
    result_id = result(tenant, document_id, *SOUND, GROSS)
    client, _ = signed_in(tenant, Role.REVIEWER)
    assert 'name="verdict"' not in client.get(f"/documents/{document_id}").content.decode()
    fields = {"value": "invoice/gross_total", "verdict": "accept", "seen": f"{result_id} 0"}
    answer = _post(client, document_id, **fields)
    assert "Values can be decided on once the document is done or in review" in answer.content.decode()
    assert decisions_of(tenant_id=tenant, document_id=document_id) == ()


def test_a_document_that_is_doubtful_as_a_whole_is_done_when_all_is_accepted(tenant: UUID) -> None:
    document_id, _ = _in_review(tenant, *SOUND, value("/gross_total", "781.20", kind=Kind.MONEY))
    client, email = signed_in(tenant, Role.REVIEWER)
    page = client.get(f"/documents/{document_id}").content.decode()
    assert "Accept as it stands" in page
    (version,) = re.findall(r'name="version" value="([^"]+)"', page)
    assert _post(client, document_id, all="1", version=version).status_code == 302
    assert _status(tenant, document_id) is DocumentStatus.DONE
    (found,) = decisions_of(tenant_id=tenant, document_id=document_id)
    assert (found.path, found.verdict, found.decided_by) == ("", "accept", f"user {email}")


def test_a_document_without_a_result_can_be_accepted(tenant: UUID) -> None:
    """It is damaged, say, and no schema fits."""
    document_id = document(tenant, status=DocumentStatus.NEEDS_REVIEW)
    client, _ = signed_in(tenant, Role.REVIEWER)
    page = client.get(f"/documents/{document_id}").content.decode()
    assert "Accept as it stands" in page
    (version,) = re.findall(r'name="version" value="([^"]+)"', page)
    assert _post(client, document_id, all="1", version=version).status_code == 302
    assert _status(tenant, document_id) is DocumentStatus.DONE


def test_what_a_document_says_is_text_wherever_it_is_shown(tenant: UUID) -> None:
    evil = "<script>alert(1)</script>"
    document_id, seen = _in_review(tenant, *SOUND[:2], value("/seller_name", evil, status=ValueStatus.NEEDS_REVIEW))
    client, _ = signed_in(tenant, Role.REVIEWER)
    fields = {"value": "invoice/seller_name", "verdict": "correct", "right": f"{evil}!", "seen": seen}
    shown = [
        client.get(f"/documents/{document_id}?value=invoice/seller_name").content.decode(),
        client.post(f"/documents/{document_id}/decisions", fields, follow=True).content.decode(),
        client.get(f"/documents/{document_id}?value={evil}").content.decode(),
    ]
    assert [evil in page for page in shown] == [False, False, False]
    assert ["&lt;script&gt;alert(1)&lt;/script&gt;" in page for page in shown] == [True, True, True]
