"""The portal as an analyst uses it, on a desktop by day and a phone by night."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest
from django.test import override_settings
from playwright.sync_api import expect

from apps.common.clock import SYSTEM_CLOCK
from apps.tenants.operations import create_api_key
from tests.browser.conftest import PASSWORD, Member, Portal
from tests.factories.documents import INVOICE_LINES, encrypted_pdf, pdf
from tests.factories.stages import do
from tests.factories.uploads import upload

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=alert(1)>.pdf"


def _upload(tenant: UUID, data: bytes, *, name: str = "gauge.pdf", schema: str = "invoice") -> UUID:
    return upload(tenant, data, schema=schema, name=name)


def test_a_wrong_password_is_told_and_a_right_one_gets_in(stranger: Portal, member: Member) -> None:
    page = stranger.page
    stranger.go("/documents")
    page.get_by_label("E-mail address").fill(member.email)
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("don't belong together")
    assert stranger.violations() == []
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="No documents yet")).to_be_visible()
    assert stranger.violations() == []
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_files_are_uploaded_each_with_its_answer(portal: Portal, tmp_path: Path) -> None:
    page = portal.page
    for name, data in (("good.pdf", pdf(mark="good")), ("notes.txt", b"plain words"), (HOSTILE, pdf(mark="evil"))):
        (tmp_path / name).write_bytes(data)
    page.get_by_label("Files").set_input_files(sorted(tmp_path.iterdir()))
    page.get_by_label("Schema").select_option("invoice")
    page.get_by_role("button", name="Upload").click()
    answers = page.locator(".uploads li")
    expect(answers).to_have_count(3)
    expect(answers.filter(has_text="good.pdf")).to_contain_text("came in")
    expect(answers.filter(has_text="notes.txt")).to_contain_text("This looks like")
    expect(answers.filter(has_text="notes.txt")).to_contain_text("Quire reads PDF, PNG, JPEG, TIFF")
    expect(answers.filter(has_text="onerror")).to_contain_text("came in")
    # The browser itself notes the answer that refuses the text file; nothing else may have been noted.
    (refusal,) = portal.faults
    assert "422" in refusal
    portal.faults.clear()
    rows = page.locator("#rows tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.filter(has_text=HOSTILE)).to_have_count(1)
    assert page.locator("#rows img").count() == 0
    assert portal.violations() == []
    page.get_by_label("Files").set_input_files(tmp_path / "good.pdf")
    page.get_by_role("button", name="Upload").click()
    expect(answers.last).to_contain_text("is there already")


def test_choosing_a_value_lights_its_box(portal: Portal, member: Member) -> None:
    document = _upload(member.tenant_id, pdf(mark="lit"))
    portal.go(f"/documents/{document}")
    page = portal.page
    gross = page.locator(".value", has_text="781.20")
    gross.click()
    lit = page.locator("rect.lit")
    expect(lit).to_have_count(1)
    x, y = (float(lit.get_attribute(name) or "nan") for name in ("x", "y"))
    assert 0.7 < x < 0.85
    # Above the word, whose line is at 362 points: the box keeps clear of it.
    assert 345 / 842 < y < 352 / 842
    expect(lit).to_be_in_viewport()
    assert portal.violations() == []
    # By the keyboard: the next value down is lit instead, and the address leads back to it.
    gross.focus()
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.textContent.trim()") == "130.20"
    expect(page.locator(".value.chosen")).to_contain_text("130.20")
    address = page.url
    assert "#value-" in address
    page.goto("about:blank")
    page.goto(address)
    expect(page.locator(".value.chosen")).to_contain_text("130.20")
    # From the page to the value.
    page.locator("rect", has=page.locator("title", has_text="NW-2025-0417")).click()
    expect(page.locator(".value.chosen")).to_contain_text("NW-2025-0417")


def test_hostile_text_on_a_page_is_shown_as_text(portal: Portal, member: Member) -> None:
    evil = "<script>document.title='owned'</script>"
    lines = [
        (x, y, evil if text == "Contoso Retail GmbH" else text, 8 if text == "Contoso Retail GmbH" else size)
        for x, y, text, size in INVOICE_LINES
    ]
    document = _upload(member.tenant_id, pdf(lines=lines), name="<b>bold<b>.pdf")
    portal.go(f"/documents/{document}")
    expect(portal.page.get_by_role("heading", level=1)).to_have_text("<b>bold<b>.pdf")
    assert "owned" not in portal.page.title()
    assert portal.violations() == []


def test_a_broken_file_says_why(portal: Portal, member: Member) -> None:
    document = _upload(member.tenant_id, b"%PDF-1.7\nnothing", name="broken.pdf")
    portal.go(f"/documents/{document}")
    expect(portal.page.locator(".reason")).to_have_text(
        "The file is cut off or damaged: its end is missing, and with it what its pages need; upload it again, and "
        "check that the copy you upload opens and shows every page."
    )
    # Nothing but that and what to do: no panes without anything in them.
    expect(portal.page.get_by_role("heading", name="This document could not be read")).to_be_visible()
    expect(portal.page.get_by_role("link", name="To the documents, to upload another file")).to_be_visible()
    expect(portal.page.locator("value-browser")).to_have_count(0)
    expect(portal.page.get_by_role("button", name="Read it again")).to_have_count(0)
    assert portal.violations() == []
    portal.page.on("dialog", lambda dialog: dialog.accept())
    portal.page.get_by_role("button", name="Delete").click()
    expect(portal.page.get_by_text("The document is deleted.")).to_be_visible()
    expect(portal.page.get_by_role("heading", name="No documents yet")).to_be_visible()


def test_a_locked_document_is_opened_where_it_says_so(portal: Portal, member: Member) -> None:
    document = _upload(member.tenant_id, encrypted_pdf(password="nettle 7"), name="locked.pdf")
    page = portal.page
    portal.go("/documents")
    expect(page.locator("#rows small")).to_have_text(
        "The document is protected by a password. Type it on the document's page."
    )
    portal.go(f"/documents/{document}")
    expect(page.get_by_role("heading", name="This document is locked")).to_be_visible()
    expect(page.locator("value-browser")).to_have_count(0)
    assert portal.violations() == []
    page.get_by_label("Password of the document").fill("nettle 8")
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("alert")).to_have_text(
        "The password doesn't open this document. Check it and type it again."
    )
    expect(page.get_by_label("Password of the document")).to_be_empty()
    assert portal.violations() == []
    page.get_by_label("Password of the document").fill("nettle 7")
    page.get_by_role("button", name="Open").click()
    expect(page.locator(".values .value", has_text="781.20")).to_be_visible()
    expect(page.locator(".status")).to_have_text("Done")


def test_pages_that_are_not_there_keep_the_navigation(portal: Portal) -> None:
    portal.go("/nothing-here")
    expect(portal.page.get_by_role("heading", name="Not found")).to_be_visible()
    expect(portal.page.get_by_role("navigation").get_by_role("link")).to_have_text(
        ["Documents", "Search", "Schemas", "Usage", "API keys"]
    )
    assert portal.violations() == []
    tops = portal.page.locator(".bar nav a").evaluate_all("(links) => links.map((a) => a.getBoundingClientRect().top)")
    assert len(set(tops)) == 1
    (missing,) = portal.faults
    assert "404" in missing
    portal.faults.clear()


def test_what_is_under_way_shows_how_far_it_is_without_a_reload(portal: Portal, member: Member) -> None:
    with override_settings(QUIRE_DISPATCHER="tests.faults.dispatchers.LosingDispatcher"):
        document = _upload(member.tenant_id, pdf(mark="under way"))
        portal.go("/documents")
        share = portal.page.get_by_role("progressbar", name="Progress of gauge.pdf")
        expect(share).to_have_attribute("value", "0.0")
        state = portal.page.locator(".status")
        expect(state).to_have_text("Waiting for its turn")
        do(member.tenant_id, document, "parse")
        expect(share).to_have_attribute("value", "0.25")
        expect(state).to_have_text("Finding values")
        above, below = (part.bounding_box() for part in (state, share))
        assert above is not None
        assert below is not None
        assert above["y"] + above["height"] <= below["y"]
        assert portal.violations() == []
        portal.go(f"/documents/{document}")
        expect(share).to_have_attribute("value", "0.25")
        do(member.tenant_id, document, "extract")
        expect(share).to_have_attribute("value", "0.5")
        assert portal.violations() == []
        do(member.tenant_id, document, "render", "index", "look")
    expect(portal.page.locator(".status")).to_have_text("Done")
    expect(share).to_have_count(0)


def test_the_list_filters_and_says_when_nothing_matches(portal: Portal, member: Member) -> None:
    _upload(member.tenant_id, pdf(mark="one"), name="alpha.pdf")
    _upload(member.tenant_id, pdf(mark="two"), name="beta.pdf")
    portal.go("/documents?q=alp")
    expect(portal.page.locator("#rows tbody tr")).to_have_count(1)
    portal.go("/documents?q=nothing&status=failed")
    expect(portal.page.get_by_text("No document matches.")).to_be_visible()
    assert portal.violations() == []


def test_search_opens_the_page_with_the_passage_lit(portal: Portal, member: Member) -> None:
    _upload(member.tenant_id, pdf(mark="search"))
    portal.go("/search")
    assert portal.violations() == []
    portal.page.get_by_label("What are you looking for?").fill("pressure gauge")
    portal.page.get_by_role("button", name="Search").click()
    assert portal.violations() == []
    portal.page.locator(".hits a").first.click()
    expect(portal.page.locator("rect.hit.lit")).to_have_count(1)


def test_keys_are_shown_once_and_end_when_they_are_revoked(portal: Portal) -> None:
    page = portal.page
    portal.go("/keys")
    page.get_by_label("Name of a new key").fill("nightly job")
    page.get_by_role("button", name="Make a key").click()
    secret = page.locator(".secret").inner_text()
    assert secret.startswith("quire_")
    headers = {"authorization": f"Bearer {secret}"}
    assert page.request.get(f"{portal.url}/api/v1/documents", headers=headers).status == 200
    assert portal.violations() == []
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Revoke nightly job").click()
    expect(page.get_by_text("The key is revoked")).to_be_visible()
    assert secret not in page.content()
    assert page.request.get(f"{portal.url}/api/v1/documents", headers=headers).status == 401


def test_a_keys_name_without_a_space_is_broken_and_leaves_its_button_in_reach(portal: Portal, member: Member) -> None:
    page = portal.page
    name = "x" * 200
    create_api_key(tenant_id=member.tenant_id, name="nightly job", clock=SYSTEM_CLOCK)
    portal.go("/keys")
    page.get_by_label("Name of a new key").fill(name)
    page.get_by_role("button", name="Make a key").click()
    expect(page.get_by_role("heading", level=2)).to_have_text(f"The key “{name}” is made")
    expect(page.get_by_role("rowheader", name=name)).to_have_text(name)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    # The word is broken, not cut off: what it is written in is no narrower than the word itself.
    cut = page.locator(".made h2, .list tbody th").evaluate_all(
        "(all) => all.map((one) => one.scrollWidth - one.clientWidth)"
    )
    assert set(cut) == {0}
    for button in page.get_by_role("button", name="Revoke").all():
        box = button.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= page.evaluate("innerWidth")
    assert portal.violations() == []


def test_schemas_are_listed(portal: Portal) -> None:
    portal.go("/schemas")
    expect(portal.page.get_by_role("heading", name="Invoice")).to_be_visible()
    expect(portal.page.get_by_text("line_items[].quantity")).to_be_visible()
    # Nothing is cut off at the side, on a phone neither.
    beyond = portal.page.locator(".scroll").evaluate_all("(all) => all.map((one) => one.scrollWidth - one.clientWidth)")
    assert set(beyond) == {0}
    assert portal.violations() == []


def test_another_tenants_document_is_not_there(portal: Portal, other_tenant: UUID) -> None:
    document = _upload(other_tenant, pdf(mark="foreign"))
    for path in (f"/documents/{document}", f"/documents/{document}/pages/1.jpg"):
        response = portal.page.request.get(f"{portal.url}{path}")
        assert response.status == 404


def test_without_scripts_reading_and_uploading_work(portal: Portal, member: Member, tmp_path: Path) -> None:
    context = portal.page.context.browser
    assert context is not None
    plain = context.new_context(java_script_enabled=False, storage_state=portal.page.context.storage_state())
    page = plain.new_page()
    page.goto(f"{portal.url}/documents")
    (tmp_path / "plain.pdf").write_bytes(pdf(mark="plain"))
    page.get_by_label("Files").set_input_files(tmp_path / "plain.pdf")
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_text("1 document came in.")).to_be_visible()
    page.get_by_role("link", name="plain.pdf").click()
    page.locator(".value", has_text="781.20").click()
    assert "#at-" in page.url
    plain.close()
