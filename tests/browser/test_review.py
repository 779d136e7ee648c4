"""Why a document needs review, and deciding on its values: by the keyboard, by clicks, and without scripts."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from playwright.sync_api import Dialog, Locator, Page, Route, expect

from apps.common.clock import SYSTEM_CLOCK
from apps.results.decisions import NewDecision, Verdict
from apps.results.operations import decide
from apps.results.queries import decisions_of
from tests.browser.conftest import Member, Portal
from tests.browser.reviewing import LONG_NAME, TOTAL, in_review

pytestmark = pytest.mark.browser

WHY = [
    "Not found on any page: Due date",
    "Several candidates: Gross total",
    "Required, but missing: Seller",
    "Line items: 1 row of its table is unaccounted for",
]


def _decisions(member: Member, document: UUID) -> list[tuple[str, str, str, str]]:
    found = decisions_of(tenant_id=member.tenant_id, document_id=document)
    return [(each.path, each.verdict.value, each.value, each.decided_by) for each in found]


def _open(portal: Portal, document: UUID) -> Page:
    portal.go(f"/documents/{document}")
    portal.page.evaluate("window.sameDocument = true")
    return portal.page


def _title(page: Page) -> Locator:
    return page.locator("#decide-title")


def test_a_document_says_why_it_needs_review(portal: Portal, member: Member) -> None:
    document = in_review(member.tenant_id, mark="why")
    portal.go("/documents")
    row = portal.page.locator("#rows tbody tr")
    expect(row.locator("small.review")).to_have_text(" · ".join([*WHY[:3], "…"]))
    assert portal.violations() == []
    page = _open(portal, document)
    expect(page.locator("#why li")).to_have_text(WHY)
    reasons = page.locator(".fields tr", has_text="Gross total").locator(".why li")
    expect(reasons).to_have_text(
        ["Page 1 shows another candidate", "Read with a confidence of 52%, accepted from 70% on"]
    )
    expect(page.locator(".fields tr", has_text="Seller VAT").locator(".why")).to_have_count(0)
    expect(page.locator(".fields tr", has_text="Due date").locator(".why li")).to_have_text(
        ["Not found on any page of the document"]
    )
    assert portal.violations() == []


def test_values_are_decided_on_by_the_keyboard_without_a_new_page(portal: Portal, member: Member) -> None:
    document = in_review(member.tenant_id, mark="keys")
    who = f"user {member.email}"
    page = _open(portal, document)
    said = page.locator("value-browser .said")
    expect(page.locator("#decide .crumb")).to_contain_text("1 of 3 to check")
    expect(_title(page)).to_have_text("Due date: 2025-04-13")
    # From the value into the part where it is decided on, and back.
    due = page.locator(".values .value", has_text="2025-04-13")
    due.focus()
    due.press("Enter")
    expect(_title(page)).to_be_focused()
    page.keyboard.press("Escape")
    expect(due).to_be_focused()
    page.keyboard.press("r")
    expect(said).to_have_text("Due date is rejected. 2 are left to check.")
    expect(said).to_have_attribute("role", "status")
    # The next one to check, from the top again, is where the focus is.
    expect(_title(page)).to_have_text("Seller")
    expect(_title(page)).to_be_focused()
    expect(page.locator(".values .value.rejected")).to_have_text(re.compile("^2025-04-13rejected$"))
    assert portal.violations() == []
    # A field that nothing was read for has nothing to accept: the key does nothing.
    page.keyboard.press("a")
    page.keyboard.press("c")
    expect(page.locator("#right")).to_be_focused()
    page.keyboard.type("  Northwind   Instruments Ltd ")
    page.keyboard.press("Enter")
    expect(said).to_have_text("Seller is corrected to Northwind Instruments Ltd. 1 is left to check.")
    expect(_title(page)).to_have_text("Gross total: 781.20")
    expect(page.locator("rect.lit")).to_have_count(1)
    # What is no amount is refused where it was typed, and stays there.
    page.keyboard.press("c")
    page.keyboard.type("1,781.20")
    page.keyboard.press("Enter")
    expect(page.locator("#refused")).to_have_text(
        "Write a value of the kind money as a decimal without separators, such as 1234.50"
    )
    expect(page.locator("#right")).to_be_focused()
    expect(page.locator("#right")).to_have_value("1,781.20")
    expect(page.locator("#right")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#right")).to_have_attribute("aria-describedby", "form refused")
    assert portal.violations() == []
    expect(page.locator(".status")).to_have_text("Needs review")
    page.locator("#right").fill("1781.20")
    page.keyboard.press("Enter")
    expect(said).to_have_text("Gross total is corrected to 1781.20. The document is done.")
    expect(page.locator(".status")).to_have_text("Done")
    expect(page.locator("#why li")).to_have_count(0)
    expect(_title(page)).to_be_focused()
    expect(page.locator("#decide .hint").first).to_contain_text(f"Corrected by {member.email}")
    expect(page.locator("#decide .hint").first).to_contain_text("layout had read 781.20")
    assert portal.violations() == []
    assert page.evaluate("window.sameDocument") is True
    assert _decisions(member, document) == [
        ("/due_date", "reject", "", who),
        ("/seller_name", "correct", "Northwind Instruments Ltd", who),
        ("/gross_total", "correct", "1781.20", who),
    ]


def test_buttons_accept_take_another_reading_and_accept_the_rest(portal: Portal, member: Member) -> None:
    document = in_review(member.tenant_id, mark="buttons")
    who = f"user {member.email}"
    page = _open(portal, document)
    said = page.locator("value-browser .said")
    page.locator(".values .value", has_text="781.20").click()
    expect(_title(page)).to_have_text("Gross total: 781.20")
    page.get_by_role("button", name="718.20").click()
    expect(said).to_have_text("Gross total is corrected to 718.20. 2 are left to check.")
    # A sound value can be decided on too, in a table as well.
    page.locator(".items .value", has_text="1285.50").click()
    expect(_title(page)).to_have_text("Unit price: 1285.50")
    expect(page.locator("#decide .crumb")).to_have_text(re.compile(r"^Chosen · Line items, row 2"))
    page.get_by_role("button", name="Accept", exact=True).click()
    expect(said).to_have_text("Line items, row 2, Unit price is accepted. 2 are left to check.")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Accept the value left to check").click()
    expect(said).to_have_text("1 value accepted. 1 is left to check.")
    expect(page.locator("#why li")).to_have_text(WHY[2:])
    page.locator(".values .value.absent", has_text="missing").click()
    page.get_by_role("button", name="The document has none").click()
    expect(said).to_have_text("Seller is rejected. The document is done.")
    # The last decision holds: back to what the engine had read.
    page.locator(".values .value", has_text="718.20").click()
    page.get_by_role("button", name="Accept 781.20").click()
    expect(said).to_have_text("Gross total is accepted. The document is done.")
    expect(page.locator(".fields tr", has_text="Gross total").locator(".value .text")).to_have_text("781.20")
    assert portal.violations() == []
    assert _decisions(member, document) == [
        ("/gross_total", "correct", "718.20", who),
        ("/line_items/1/unit_price", "accept", "1285.50", who),
        ("/due_date", "accept", "2025-04-13", who),
        ("/seller_name", "reject", "", who),
        ("/gross_total", "accept", "781.20", who),
    ]


def test_who_decides_on_what_another_has_changed_is_told(portal: Portal, member: Member) -> None:
    document = in_review(member.tenant_id, mark="stale")
    page = _open(portal, document)
    expect(_title(page)).to_have_text("Due date: 2025-04-13")
    decide(
        tenant_id=member.tenant_id,
        document_id=document,
        decisions=[NewDecision(path="/due_date", verdict=Verdict.CORRECT, value="2025-04-30")],
        decided_by="key 1",
        clock=SYSTEM_CLOCK,
    )
    page.get_by_role("button", name="Accept", exact=True).click()
    expect(page.locator("#refused")).to_have_text("This has changed since you saw it: look at it again, then decide")
    expect(_title(page)).to_have_text("Due date: 2025-04-30")
    expect(page.locator("#decide .hint").first).to_contain_text("Corrected by REST")
    assert portal.violations() == []
    assert _decisions(member, document) == [("/due_date", "correct", "2025-04-30", "key 1")]


def test_nothing_is_decided_before_the_panel_shows_the_value_that_is_lit(portal: Portal, member: Member) -> None:
    document = in_review(member.tenant_id, mark="fast")
    page = portal.page
    held: list[Route] = []
    portal.go(f"/documents/{document}?value=invoice/gross_total")
    expect(_title(page)).to_have_text("Gross total: 781.20")
    page.route(re.compile(r"\?value="), lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks it
    page.get_by_role("link", name="Next to check").click()
    # The list and the page light the next value; the panel still shows the one before, and takes nothing.
    expect(page.locator(".values .value.chosen")).to_contain_text("2025-04-13")
    panel = page.locator("#decide")
    expect(panel).to_have_attribute("aria-busy", "true")
    for name in ("Accept", "Reject", "Correct", "718.20"):
        expect(panel.get_by_role("button", name=name)).to_be_disabled()
    expect(panel.locator("#right")).to_be_disabled()
    page.get_by_role("button", name="Accept", exact=True).click(force=True)
    panel.locator("form").first.evaluate("(form) => form.requestSubmit()")
    while not held:
        page.wait_for_timeout(20)
    assert _decisions(member, document) == []
    held[0].continue_()
    page.unroute_all(behavior="wait")
    expect(_title(page)).to_have_text("Due date: 2025-04-13")
    expect(panel).not_to_have_attribute("aria-busy", "true")
    assert portal.violations() == []
    page.get_by_role("button", name="Accept", exact=True).click()
    expect(page.locator("value-browser .said")).to_have_text("Due date is accepted. 2 are left to check.")
    assert [found[:2] for found in _decisions(member, document)] == [("/due_date", "accept")]


def _takes_decisions(page: Page) -> None:
    panel = page.locator("#decide")
    expect(panel).not_to_have_attribute("aria-busy", "true")
    for name in ("Accept", "Reject", "Correct"):
        expect(panel.get_by_role("button", name=name, exact=True)).to_be_enabled()
    expect(panel.locator("#right")).to_be_enabled()


@pytest.mark.parametrize("asked", [False, True], ids=["before the server is asked", "before it answers"])
def test_who_comes_back_before_the_panel_has_changed_can_decide(portal: Portal, member: Member, asked: bool) -> None:
    document = in_review(member.tenant_id, mark="back")
    page = _open(portal, document)
    expect(_title(page)).to_have_text("Due date: 2025-04-13")
    held: list[Route] = []
    page.route(re.compile(r"\?value="), lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks it
    panel = page.locator("#decide")
    due = page.locator(".values .value", has_text="2025-04-13")
    due.focus()
    if asked:
        page.keyboard.press("ArrowDown")
        expect(panel.get_by_role("button", name="Accept", exact=True)).to_be_disabled()
        while not held:
            page.wait_for_timeout(20)
        page.keyboard.press("ArrowUp")
    else:
        # In one turn of the page's own: no wait of the test's comes between.
        due.evaluate(
            """(due) => {
              const pressed = (key) => new KeyboardEvent("keydown", {key, bubbles: true});
              const press = (key) => document.activeElement.dispatchEvent(pressed(key));
              press("ArrowDown");
              window.between = document.querySelector("#right").disabled;
              press("ArrowUp");
            }"""
        )
        assert page.evaluate("window.between") is True
    expect(due).to_be_focused()
    _takes_decisions(page)
    # What comes late, or not at all, changes nothing.
    for route in held:
        route.continue_()
    page.wait_for_timeout(200)
    page.unroute_all(behavior="wait")
    assert len(held) == int(asked)
    expect(_title(page)).to_have_text("Due date: 2025-04-13")
    _takes_decisions(page)
    page.keyboard.press("a")
    expect(page.locator("value-browser .said")).to_have_text("Due date is accepted. 2 are left to check.")
    assert [found[:2] for found in _decisions(member, document)] == [("/due_date", "accept")]


def test_a_panel_that_did_not_come_is_told_and_left_behind_on_the_way_back(portal: Portal, member: Member) -> None:
    document = in_review(member.tenant_id, mark="lost and back")
    page = portal.page
    portal.go(f"/documents/{document}?value=invoice/gross_total")
    page.route(re.compile(r"\?value="), lambda route: route.abort())
    page.locator(".values .value", has_text="2025-04-13").click()
    said = page.locator("value-browser .said")
    expect(said).to_have_text("The connection broke: choose the value again.")
    page.locator(".values .value", has_text="781.20").click()
    expect(said).to_be_empty()
    _takes_decisions(page)
    page.unroute_all(behavior="ignoreErrors")
    portal.faults.clear()
    page.get_by_role("button", name="Reject").click()
    expect(said).to_have_text("Gross total is rejected. 2 are left to check.")


def test_a_panel_that_did_not_come_is_told_and_asked_for_again(portal: Portal, member: Member) -> None:
    document = in_review(member.tenant_id, mark="lost")
    page = portal.page
    portal.go(f"/documents/{document}?value=invoice/gross_total")
    page.route(re.compile(r"\?value="), lambda route: route.abort())
    due = page.locator(".values .value", has_text="2025-04-13")
    due.click()
    said = page.locator("value-browser .said")
    expect(said).to_have_text("The connection broke: choose the value again.")
    expect(page.get_by_role("button", name="Accept", exact=True)).to_be_disabled()
    page.unroute_all(behavior="ignoreErrors")
    portal.faults.clear()
    due.click()
    expect(_title(page)).to_have_text("Due date: 2025-04-13")
    expect(page.get_by_role("button", name="Accept", exact=True)).to_be_enabled()
    expect(said).to_be_empty()


def test_right_after_opening_arrow_keys_and_a_accept_the_value_they_lead_to(portal: Portal, member: Member) -> None:
    document = in_review(member.tenant_id, mark="open")
    page = _open(portal, document)
    expect(_title(page)).to_have_text("Due date: 2025-04-13")
    # Nothing has the focus: a screen reader begins at the top, and a letter alone decides nothing.
    assert page.evaluate("document.activeElement === document.body")
    page.keyboard.press("a")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    # The key waits for the panel of the value that is lit.
    page.keyboard.press("a")
    expect(page.locator("value-browser .said")).to_have_text("Issue date is accepted. 3 are left to check.")
    assert [found[:2] for found in _decisions(member, document)] == [("/issue_date", "accept")]


def test_why_and_what_to_decide_come_first_and_accepting_all_and_deleting_last(portal: Portal, member: Member) -> None:
    page = _open(portal, in_review(member.tenant_id, mark="order"))
    parts = page.evaluate(
        """() => ["#why", "#decide", ".pages", ".whole button", ".actions .danger"]
          .map((part) => document.querySelector(part))
          .map((part, place, all) => !place || Boolean(all[place - 1].compareDocumentPosition(part) & 4))"""
    )
    assert parts == [True] * 5
    whole = page.locator(".whole button")
    expect(whole).to_have_text("Accept the 2 values left to check")
    expect(whole).not_to_have_class(re.compile("primary"))
    asked: list[str] = []

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", answer)
    whole.click()
    assert asked == ["Accept all 2 values to check as they are?"]
    assert page.viewport_size is not None
    if page.viewport_size["width"] < 600:
        tops = [
            page.locator(part).evaluate("(part) => part.getBoundingClientRect().top + scrollY")
            for part in ("#why", "#decide", ".pages", ".values", ".actions .danger")
        ]
        assert tops == sorted(tops)


def test_without_scripts_decisions_are_taken_by_forms(portal: Portal, member: Member) -> None:
    document = in_review(member.tenant_id, mark="plain")
    browser = portal.page.context.browser
    assert browser is not None
    plain = browser.new_context(java_script_enabled=False, storage_state=portal.page.context.storage_state())
    page = plain.new_page()
    page.goto(f"{portal.url}/documents/{document}")
    page.locator(".values .value", has_text="781.20").click()
    assert page.url.partition("?")[2].startswith("value=invoice%2Fgross_total#at-")
    page.get_by_label("Right value").fill("13 pounds")
    page.get_by_role("button", name="Correct").click()
    expect(page.get_by_role("alert")).to_have_text(
        "Write a value of the kind money as a decimal without separators, such as 1234.50"
    )
    expect(page.get_by_label("Right value")).to_have_value("13 pounds")
    page.get_by_label("Right value").fill("13.00")
    page.get_by_role("button", name="Correct").click()
    expect(page.locator(".messages")).to_have_text("Gross total is corrected to 13.00. 2 are left to check.")
    expect(_title(page)).to_have_text("Due date: 2025-04-13")
    page.get_by_role("button", name="Reject").click()
    page.get_by_role("button", name="The document has none").click()
    expect(page.locator(".messages")).to_have_text("Seller is rejected. The document is done.")
    expect(page.locator(".status")).to_have_text("Done")
    plain.close()


def test_figures_stand_on_one_line_and_their_table_scrolls_by_the_keyboard(portal: Portal, member: Member) -> None:
    document = in_review(member.tenant_id, mark="figures")
    page = _open(portal, document)
    lines = page.evaluate(
        """() => [...document.querySelectorAll(".values .value .text")].map((text) => {
          const range = document.createRange();
          range.selectNodeContents(text);
          return [text.textContent, new Set([...range.getClientRects()].map((box) => Math.round(box.top))).size];
        })"""
    )
    broken = {text for text, count in lines if count != 1}
    # On a phone the words of a name may stand one under the other, so that the figures beside it are in sight.
    assert broken <= {LONG_NAME, "Pressure gauge"}
    assert ["1234171.00", 1] in lines
    right = page.locator(".items .value", has_text="1234171.00").evaluate(
        "(value) => getComputedStyle(value.closest('td')).textAlign"
    )
    assert right == "end"
    region = page.get_by_role("group", name="Line items")
    region.focus()
    expect(region).to_be_focused()
    if region.evaluate("(region) => region.scrollWidth > region.clientWidth"):
        page.keyboard.press("ArrowRight")
        expect(region).not_to_have_js_property("scrollLeft", 0)
    # Nothing but that region is wider than the window.
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_lit_box_is_drawn_clear_of_the_words(portal: Portal, member: Member) -> None:
    document = in_review(member.tenant_id, mark="clear")
    page = _open(portal, document)
    page.locator(".values .value", has_text="781.20").click()
    left, top, width, height, *drawn = page.evaluate(
        """() => {
          const [sheet, lit] = [".sheet", "rect.lit"]
            .map((part) => document.querySelector(part).getBoundingClientRect());
          return [sheet.left, sheet.top, sheet.width, sheet.height, lit.left, lit.top, lit.right, lit.bottom];
        }"""
    )
    half_a_line = 1.0
    assert drawn[0] + half_a_line < left + TOTAL.x0 * width
    assert drawn[1] + half_a_line < top + TOTAL.y0 * height
    assert drawn[2] - half_a_line > left + TOTAL.x1 * width
    assert drawn[3] - half_a_line > top + TOTAL.y1 * height


def test_times_are_written_with_24_hours_and_their_zone(portal: Portal, member: Member) -> None:
    in_review(member.tenant_id, mark="zones")
    browser = portal.page.context.browser
    assert browser is not None
    found = []
    for zone in ("UTC", "Europe/Berlin", "Asia/Kolkata"):
        context = browser.new_context(
            timezone_id=zone, locale="en-US", storage_state=portal.page.context.storage_state()
        )
        page = context.new_page()
        page.goto(f"{portal.url}/documents")
        time = page.locator("#rows time")
        expect(time).to_have_text(re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d \S+$"))
        found.append(time.inner_text().rpartition(" ")[2])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", time.get_attribute("datetime") or "")
        context.close()
    assert found[0] == "UTC"
    assert found[1] in {"CET", "CEST"}
    assert found[2] == "GMT+5:30"
