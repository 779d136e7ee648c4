"""The page of what models cost, and a document that waits for money."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from django.db import connections
from django.test import override_settings
from playwright.sync_api import expect

from apps.common.clock import SYSTEM_CLOCK
from apps.inference import operations
from apps.inference.budgets import Budget, BudgetPeriod
from apps.inference.ledger import CallRecord
from tests.browser.conftest import Member, Portal
from tests.factories.documents import pdf
from tests.factories.uploads import upload

pytestmark = pytest.mark.browser


def _book(tenant: UUID, *, schema: str, cost: str, model: str = "mistral-medium") -> None:
    call = CallRecord(
        engine="sglang:medium",
        model=model,
        prompt_tokens=1200,
        cached_tokens=300,
        completion_tokens=80,
        images=1,
        seconds=1.5,
        cost=Decimal(cost),
        outcome="ok",
        gpu_seconds=6.0,
        price_date=date(2025, 8, 12),
    )
    operations.record_calls(
        tenant_id=tenant,
        document_id=uuid4(),
        calls=[call],
        clock=SYSTEM_CLOCK,
        schema_slug=schema,
        lane="bulk",
        document_pages=2,
    )


def _limit(tenant: UUID, *budgets: Budget) -> None:
    operations.set_budgets(tenant_id=tenant, budgets=budgets, clock=SYSTEM_CLOCK)


def test_without_calls_the_page_says_what_to_do(portal: Portal) -> None:
    portal.go("/documents")
    portal.page.get_by_role("link", name="Usage").click()
    expect(portal.page.get_by_role("heading", name="No model was asked in this time")).to_be_visible()
    expect(portal.page.get_by_text("No budget is set: models may cost anything.")).to_be_visible()
    expect(portal.page.get_by_text("quire budgets set month --usd 50")).to_be_visible()
    assert portal.violations() == []


def test_usage_is_shown_as_a_table_and_as_bars(portal: Portal, member: Member, other_tenant: UUID) -> None:
    _book(member.tenant_id, schema="invoice", cost="1.50")
    _book(member.tenant_id, schema="nda", cost="0.75", model="<b>bold</b>")
    _book(other_tenant, schema="receipt", cost="9")
    _limit(
        member.tenant_id,
        Budget(period=BudgetPeriod.MONTH, usd=Decimal(3)),
        Budget(period=BudgetPeriod.DOCUMENT, schema_slug="nda", tokens=5000),
    )
    portal.go("/usage")
    page = portal.page
    rows = page.locator(".sums tbody tr")
    expect(rows).to_have_count(2)
    assert rows.first.locator("th, td").all_inner_texts() == [
        "invoice", "1", "2", "1", "0", "1200", "", "25%", "80", "$1.50", "$0.75",
    ]  # fmt: skip
    expect(page.locator(".sums tfoot")).to_contain_text("$2.25")
    bars = page.locator(".plot rect")
    assert [bar.get_attribute("width") for bar in bars.all()] == ["600.0", "300.0"]
    expect(page.locator(".plot svg")).to_contain_text("$1.50")
    budgets = page.get_by_role("table", name="Budgets, with what is left").locator("tbody tr")
    expect(budgets.first).to_contain_text("$3.00")
    expect(budgets.first).to_contain_text("$0.75")
    expect(budgets.first).to_contain_text("75 %")
    expect(budgets.nth(1)).to_contain_text("5,000 tokens")
    assert "receipt" not in page.locator(".sums").inner_text()
    assert portal.violations() == []
    # By the keyboard: another grouping, then the button.
    page.get_by_label("By").focus()
    page.keyboard.type("Model")
    page.get_by_label("By").press("Tab")
    page.get_by_role("button", name="Show").press("Enter")
    page.wait_for_url("**by=model**")
    expect(page.locator(".sums tbody th").first).to_have_text("<b>bold</b>")
    assert portal.violations() == []
    portal.go("/usage?by=day")
    expect(page.locator(".sums tbody th")).to_have_text(SYSTEM_CLOCK.now().date().isoformat())
    portal.go("/usage?by=oracle&from=yesterday&to=0001-01-01")
    expect(page.locator(".sums tbody tr")).to_have_count(2)
    portal.go("/usage?from=2020-01-01&to=2020-01-31")
    expect(page.get_by_role("heading", name="No model was asked in this time")).to_be_visible()


def test_a_document_that_waits_for_money_says_so(portal: Portal, member: Member) -> None:
    tenant = member.tenant_id
    operations.set_policy(tenant_id=tenant, schema_slug="nda", engines=["layout", "sglang:medium"], clock=SYSTEM_CLOCK)
    _limit(tenant, Budget(period=BudgetPeriod.MONTH, usd=Decimal(0)))

    def parked() -> UUID:
        try:
            return upload(tenant, pdf(mark="parked"), schema="nda", name="parked.pdf")
        finally:
            connections.close_all()

    # The work is done inline, and a model's client has an event loop of its own, which Playwright's thread has already.
    with (
        override_settings(QUIRE_INFERENCE_URL="http://127.0.0.1:9", QUIRE_INFERENCE_PROFILE="medium"),
        ThreadPoolExecutor(max_workers=1) as pool,
    ):
        document = pool.submit(parked).result()
    reason = "The month's budget of $0.00 is spent; raise it or wait until 1"
    portal.go(f"/documents/{document}")
    expect(portal.page.locator(".reason.passing")).to_contain_text(reason)
    assert portal.violations() == []
    portal.go("/documents")
    expect(portal.page.locator("#rows tbody tr")).to_contain_text(reason)
    portal.go("/usage")
    expect(portal.page.get_by_role("status")).to_contain_text("1 document waits for money")
    assert portal.violations() == []
