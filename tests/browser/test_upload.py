"""Files from a person's hands: dragged in, or chosen by the keyboard, each with how far it is and what came of it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import PASSWORD, Member, Portal, serving
from tests.factories.documents import pdf, png
from tests.factories.uploads import upload

pytestmark = pytest.mark.browser

# The first upload that a server takes loads its models before it is answered.
PATIENCE = 120_000
EMPTY = "The file is empty: upload it again"


@pytest.fixture(scope="module")
def small_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A portal that takes files of a quarter of a mebibyte at most."""
    with serving(tmp_path_factory.mktemp("small"), {"QUIRE_MAX_UPLOAD_BYTES": str(256 * 1024)}) as url:
        yield url


def _drop(portal: Portal, paths: Sequence[Path], *, on: str = "main") -> None:
    """Drag files in from outside, as the browser itself sees it, and let them fall on the middle of an element."""
    box = portal.page.locator(on).first.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + min(box["height"], 200) / 2
    session = portal.page.context.new_cdp_session(portal.page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": x, "y": y, "data": data})
        if kind == "dragOver":
            expect(portal.page.locator("upload-field")).to_have_class("over")
    expect(portal.page.locator("upload-field")).not_to_have_class("over")
    session.detach()


def _answers(portal: Portal) -> Locator:
    return portal.page.locator(".uploads li")


def _said(portal: Portal) -> Locator:
    return portal.page.locator("upload-field .said")


def test_several_files_dropped_at_once_each_have_their_answer(portal: Portal, tmp_path: Path) -> None:
    data = pdf(mark="dropped")
    files = {
        "1 good.pdf": data,
        "2 again.pdf": data,
        "3 photo.png": png(width=60),
        "4 empty.pdf": b"",
        "5 letter.docx": b"PK\x03\x04" + b"\0" * 60,
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "6 folder").mkdir()
    _drop(portal, sorted(tmp_path.iterdir()))
    answers = _answers(portal)
    expect(answers).to_have_count(6)
    expect(_said(portal)).to_have_text("4 of 6 came in or were there already, 2 could not be taken.", timeout=PATIENCE)
    expect(_said(portal)).to_have_attribute("role", "status")
    expect(answers.nth(0)).to_have_text("1 good.pdfcame in")
    expect(answers.nth(1)).to_have_text("2 again.pdfis there already")
    expect(answers.nth(2)).to_have_text("3 photo.pngcame in")
    expect(answers.nth(3)).to_have_text("4 empty.pdfcame in")
    expect(answers.nth(4)).to_contain_text("Quire reads PDF, PNG, JPEG, TIFF and e-invoice XML")
    expect(answers.nth(5)).to_have_text("6 folderThis is a folder: drop the files in it instead.")
    assert [bar.get_attribute("aria-label") for bar in portal.page.locator(".uploads progress").all()] == [
        "1 good.pdf",
        "2 again.pdf",
        "3 photo.png",
        "4 empty.pdf",
    ]
    # The browser notes the one answer that refuses a file; the others were never sent.
    (refusal,) = portal.faults
    assert "422" in refusal
    portal.faults.clear()
    expect(portal.page.locator("#rows tbody th a")).to_have_text(["4 empty.pdf", "3 photo.png", "1 good.pdf"])
    # As by REST, an empty file is a document that failed, with its reason.
    expect(portal.page.locator("#rows tbody tr").first).to_contain_text(EMPTY)
    expect(portal.page.locator("#rows tbody tr").first).to_contain_text("Failed")
    assert portal.violations() == []
    href = answers.nth(0).get_by_role("link").get_attribute("href")
    assert answers.nth(1).get_by_role("link").get_attribute("href") == href


def test_an_empty_file_that_a_program_had_sent_is_told_to_have_failed(
    portal: Portal, member: Member, tmp_path: Path
) -> None:
    document = upload(member.tenant_id, b"", schema="", name="pushed.pdf")
    sound = pdf(mark="beside an empty one")
    upload(member.tenant_id, sound, schema="invoice", name="sound.pdf")
    (tmp_path / "1 empty.pdf").write_bytes(b"")
    (tmp_path / "2 sound.pdf").write_bytes(sound)
    _drop(portal, sorted(tmp_path.iterdir()))
    expect(_said(portal)).to_have_text(
        "2 of 2 came in or were there already, 0 could not be taken. Of those that were there, 1 could not be read.",
        timeout=PATIENCE,
    )
    expect(_said(portal)).to_have_class("said wrong")
    empty, known = _answers(portal).nth(0), _answers(portal).nth(1)
    expect(empty.locator(".wrong")).to_have_text(f"is there already, but failed: {EMPTY}.")
    expect(empty.get_by_role("progressbar")).to_have_count(0)
    expect(empty.get_by_role("link")).to_have_attribute("href", f"/documents/{document}")
    expect(known).to_have_text("2 sound.pdfis there already")
    expect(known.get_by_role("progressbar")).to_have_js_property("value", 1)
    assert portal.violations() == []
    # What is sent after it is counted anew.
    _drop(portal, [tmp_path / "2 sound.pdf"])
    expect(_said(portal)).to_have_text("1 of 1 came in or were there already, 0 could not be taken.", timeout=PATIENCE)
    expect(_said(portal)).to_have_class("said")


def test_a_file_dropped_beside_the_field_is_uploaded_and_does_not_take_the_pages_place(
    portal: Portal, tmp_path: Path
) -> None:
    path = tmp_path / "beside.pdf"
    path.write_bytes(pdf(mark="beside"))
    _drop(portal, [path], on="header")
    expect(_answers(portal)).to_have_text(["beside.pdfcame in"], timeout=PATIENCE)
    assert portal.page.url == f"{portal.url}/documents"


def test_files_are_chosen_and_sent_by_the_keyboard(portal: Portal, tmp_path: Path) -> None:
    page = portal.page
    # The browser hands choosers over from now on: asked to only as the key is pressed, it may show one of its own.
    page.on("filechooser", lambda _: None)
    for number in (1, 2):
        (tmp_path / f"{number}.pdf").write_bytes(pdf(mark=f"keyboard {number}"))
    page.get_by_label("Files").focus()
    outline = page.get_by_label("Files").evaluate("(field) => getComputedStyle(field).outlineStyle")
    assert outline == "solid"
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    assert chooser.value.is_multiple()
    chooser.value.set_files(sorted(tmp_path.iterdir()))
    for label in ("Schema", "Password, if locked"):
        page.keyboard.press("Tab")
        expect(page.get_by_label(label)).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Upload")).to_be_focused()
    page.keyboard.press("Enter")
    expect(_said(portal)).to_have_text("2 of 2 came in or were there already, 0 could not be taken.", timeout=PATIENCE)
    expect(_answers(portal)).to_have_text(["1.pdfcame in", "2.pdfcame in"])
    expect(page.locator("#rows tbody tr")).to_have_count(2)


def test_a_file_over_the_limit_is_refused_before_it_is_sent_and_the_next_one_goes(
    small_server: str, stranger: Portal, member: Member, tmp_path: Path
) -> None:
    portal = Portal(url=small_server, page=stranger.page)
    portal.go("/sign-in")
    page = portal.page
    page.get_by_label("E-mail address").fill(member.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/documents")
    expect(page.locator(".upload .hint")).to_contain_text("up to 256.0 KB each")
    (tmp_path / "1 large.pdf").write_bytes(pdf(mark="large") + os.urandom(256 * 1024))
    (tmp_path / "2 small.pdf").write_bytes(pdf(mark="small"))
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method) if request.url.endswith("/upload") else None)
    _drop(portal, sorted(tmp_path.iterdir()))
    expect(_answers(portal)).to_have_text(
        [
            "1 large.pdfThe file is larger than the limit of 256.0 KB: split it, or ask your administrator to raise "
            "the limit.",
            "2 small.pdfcame in",
        ],
        timeout=PATIENCE,
    )
    assert sent == ["POST"]
    assert portal.violations() == []


def test_a_session_that_ended_and_a_broken_connection_are_told_apart(portal: Portal, tmp_path: Path) -> None:
    page = portal.page
    path = tmp_path / "late.pdf"
    path.write_bytes(pdf(mark="late"))
    page.route("**/upload", lambda route: route.abort())
    _drop(portal, [path])
    expect(_answers(portal)).to_have_text(["late.pdfThe connection broke: try again."])
    page.unroute("**/upload")
    portal.faults.clear()
    page.context.clear_cookies(name="sessionid")
    _drop(portal, [path])
    expect(_answers(portal).nth(1)).to_have_text("late.pdfYour session has ended: sign in again.")


def test_without_scripts_an_empty_file_is_kept_beside_a_good_one(portal: Portal, tmp_path: Path) -> None:
    browser = portal.page.context.browser
    assert browser is not None
    plain = browser.new_context(java_script_enabled=False, storage_state=portal.page.context.storage_state())
    page = plain.new_page()
    page.goto(f"{portal.url}/documents")
    (tmp_path / "empty.pdf").write_bytes(b"")
    (tmp_path / "good.pdf").write_bytes(pdf(mark="plain good"))
    page.get_by_label("Files").set_input_files(sorted(tmp_path.iterdir()))
    page.get_by_role("button", name="Upload").click(timeout=PATIENCE)
    expect(page.locator(".messages li")).to_have_text(["2 documents came in."], timeout=PATIENCE)
    expect(page.locator("#rows tbody tr")).to_have_count(2)
    expect(page.locator("#rows tbody tr").filter(has_text="empty.pdf")).to_contain_text(EMPTY)
    plain.close()
