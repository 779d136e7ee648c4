"""Documents over REST, through the whole pipeline."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pymupdf
import pytest
from django.test import override_settings

from apps.documents.models import Document
from apps.pipeline.models import Run, StageRun
from apps.schemas.definitions import shipped_documents
from apps.tenants.scope import tenant_scope
from tests.factories.documents import INVOICE_LINES, encrypted_pdf, pdf, png
from tests.factories.stages import do
from tests.integration.api.conftest import Api


def _json(response: Any) -> Any:
    return response.json()


def _values(api: Api, document_id: str) -> dict[str, dict[str, Any]]:
    (result,) = _json(api.get(f"documents/{document_id}/results"))
    return {value["path"]: value for value in result["values"]}


def test_an_invoice_becomes_values_with_their_places(api: Api) -> None:
    response = api.upload(pdf(), "invoice.pdf", schema="invoice", external_id="E-1")
    assert response.status_code == 201
    document = _json(response)
    assert document["name"] == "invoice.pdf"
    assert document["schema"] == "invoice"
    assert document["external_id"] == "E-1"
    document = _json(api.get(f"documents/{document['id']}"))
    assert document["status"] in {"done", "needs_review"}
    assert document["pages"] == 1
    values = _values(api, document["id"])
    expected = {
        "/invoice_number": "NW-2025-0417",
        "/issue_date": "2025-03-14",
        "/due_date": "2025-04-13",
        "/currency": "GBP",
        "/net_total": "651.00",
        "/tax_total": "130.20",
        "/gross_total": "781.20",
        "/line_items/0/description": "Pressure gauge",
        "/line_items/1/line_total": "171.00",
    }
    assert {path: values[path]["value"] for path in expected} == expected
    gross = values["/gross_total"]
    assert (gross["type"], gross["engine"], gross["status"]) == ("money", "layout", "accepted")
    (evidence,) = gross["evidence"]
    assert evidence["page"] == 1
    assert "781.20" in evidence["quote"]
    x0, y0, x1, y1 = evidence["box"]
    assert 480 / 595 - 0.1 < x0 < x1 < 1
    assert 350 / 842 < y0 < y1 < 366 / 842


def test_the_same_bytes_are_one_document(api: Api, other_api: Api) -> None:
    data = pdf(mark="same")
    first = api.upload(data, "a.pdf")
    again = api.upload(data, "b.pdf")
    assert (first.status_code, again.status_code) == (201, 200)
    assert _json(first)["id"] == _json(again)["id"]
    assert other_api.upload(data, "a.pdf").status_code == 201


def test_pages_and_words(api: Api) -> None:
    document_id = _json(api.upload(pdf(pages=2), schema="invoice"))["id"]
    image = api.get(f"documents/{document_id}/pages/2.jpg")
    assert image.status_code == 200
    assert image.headers["Content-Type"] == "image/jpeg"
    assert image.content[:3] == b"\xff\xd8\xff"
    words = _json(api.get(f"documents/{document_id}/pages/2/words"))
    assert (words["page"], words["width"], words["height"], words["source"]) == (2, 595, 842, "layer")
    assert "NW-2025-0417" in [word["text"] for word in words["words"]]
    assert api.get(f"documents/{document_id}/pages/3.jpg").status_code == 404
    assert api.get(f"documents/{document_id}/pages/3/words").status_code == 404


def test_a_password_opens_an_encrypted_file_and_is_forgotten(api: Api) -> None:
    locked = _json(api.upload(encrypted_pdf(password="pässwört"), schema="invoice"))
    locked = _json(api.get(f"documents/{locked['id']}"))
    assert (locked["status"], locked["reason_code"]) == ("quarantined", "encrypted")
    assert "password" in locked["reason"]
    opened = _json(api.upload(encrypted_pdf(password="secret"), schema="invoice", password="secret"))
    assert _json(api.get(f"documents/{opened['id']}"))["pages"] == 1
    assert _values(api, opened["id"])["/invoice_number"]["value"] == "NW-2025-0417"


@pytest.mark.parametrize(
    ("data", "name", "seems"),
    [
        (b"PK\x03\x04[Content_Types].xmlword/document.xml" + b"\0" * 64, "a.docx", "Word"),
        (b"just some text", "a.txt", "text"),
        (b"<html><body>hello</body></html>", "a.html", "HTML"),
        (b"MZ" + b"\0" * 100, "invoice.pdf", ""),
        (b"II+\0\x08\0\0\0" + b"\xff" * 8, "scan.tif", "BigTIFF"),
        (b"MM\0+\0\x08\0\0" + b"\xff" * 8, "scan.tif", "BigTIFF"),
    ],
)
def test_a_type_that_is_not_read_gets_a_clear_415(api: Api, data: bytes, name: str, seems: str) -> None:
    response = api.upload(data, name)
    assert response.status_code == 415
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = _json(response)
    assert problem["code"] == "unsupported_type"
    assert "PDF, PNG, JPEG, TIFF" in problem["detail"]
    assert seems.lower() in problem["detail"].lower()


def test_a_program_is_not_to_be_converted(api: Api) -> None:
    problem = _json(api.upload(b"MZ" + b"\0" * 100, "invoice.pdf"))
    assert problem["detail"] == (
        "this looks like a Windows program; Quire reads PDF, PNG, JPEG, TIFF and e-invoice XML: "
        "upload the document itself"
    )


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"", "failed", "empty"),
        (b"%PDF-1.7\n" + b"garbage" * 50, "failed", "cut_off"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "failed", "cut_off"),
    ],
)
def test_a_broken_file_ends_with_its_reason_and_its_neighbours_go_on(
    api: Api, data: bytes, status: str, code: str
) -> None:
    broken = _json(api.upload(data, "x.pdf", schema="invoice"))
    neighbour = _json(api.upload(pdf(), schema="invoice"))
    broken = _json(api.get(f"documents/{broken['id']}"))
    assert (broken["status"], broken["reason_code"]) == (status, code)
    assert broken["reason"]
    assert broken["completed_at"] is not None
    assert _json(api.get(f"documents/{neighbour['id']}"))["status"] in {"done", "needs_review"}
    assert _json(api.get(f"documents/{broken['id']}/results")) == []


def test_a_picture_without_text_ends_too(api: Api) -> None:
    document = _json(api.upload(png(), "white.png", schema="receipt"))
    assert _json(api.get(f"documents/{document['id']}"))["status"] == "needs_review"


def test_a_file_over_the_limit_is_413(api: Api, settings_max_upload: int) -> None:
    response = api.upload(b"%PDF-1.7\n" + b"0" * settings_max_upload, "big.pdf")
    assert response.status_code == 413
    assert _json(response)["code"] == "too_large"


@pytest.fixture
def settings_max_upload() -> Any:
    with override_settings(QUIRE_MAX_UPLOAD_BYTES=2048):
        yield 2048


def test_an_unknown_schema_is_named(api: Api) -> None:
    response = api.upload(pdf(), schema="nonesuch")
    assert response.status_code == 422
    assert "invoice" in _json(response)["detail"]
    assert _json(api.get("documents"))["items"] == []


def test_hostile_names_are_cut_to_their_last_part(api: Api) -> None:
    document = _json(api.upload(pdf(), "../../" + "n" * 300 + "\x07.pdf"))
    assert document["name"].endswith("nn.pdf")
    assert len(document["name"]) <= 255
    assert "/" not in document["name"]


def test_lists_go_on_by_cursor_and_miss_nothing(api: Api) -> None:
    ids = [_json(api.upload(pdf(mark=str(number)), f"{number}.pdf"))["id"] for number in range(5)]
    seen = []
    cursor: str | None = None
    while True:
        page = _json(api.get("documents", limit=2, **({"cursor": cursor} if cursor else {})))
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert sorted(seen) == sorted(ids)
    assert len(seen) == 5


def test_deleting_takes_everything_but_a_tombstone(api: Api) -> None:
    data = pdf()
    document = _json(api.upload(data, schema="invoice"))
    assert api.delete(f"documents/{document['id']}").status_code == 204
    for path in ("", "/results", "/pages/1.jpg", "/pages/1/words"):
        assert api.get(f"documents/{document['id']}{path}").status_code == 404
    assert api.delete(f"documents/{document['id']}").status_code == 404
    assert _json(api.get("documents"))["items"] == []
    (tombstone,) = _json(api.get("documents", updated_since=document["created_at"]))["items"]
    assert (tombstone["id"], tombstone["status"]) == (document["id"], "deleted")
    again = api.upload(data, schema="invoice")
    assert again.status_code == 201
    assert _json(again)["id"] != document["id"]


def test_a_finished_document_can_not_be_cancelled(api: Api) -> None:
    document = _json(api.upload(pdf(), schema="invoice"))
    response = api.post(f"documents/{document['id']}/cancel")
    assert response.status_code == 409
    assert _json(response)["code"] == "not_cancellable"


@pytest.mark.parametrize("path", ["", "/results", "/pages/1.jpg", "/pages/1/words"])
def test_another_tenants_document_is_not_there(api: Api, other_api: Api, path: str) -> None:
    document = _json(api.upload(pdf(), schema="invoice"))
    assert other_api.get(f"documents/{document['id']}{path}").status_code == 404
    assert other_api.delete(f"documents/{document['id']}").status_code == 404
    assert other_api.post(f"documents/{document['id']}/cancel").status_code == 404
    assert api.get(f"documents/{document['id']}{path}").status_code == 200


@pytest.mark.parametrize("key", ["", "quire_wrong", "Bearer"])
def test_without_a_living_key_nothing_answers(api: Api, key: str) -> None:
    response = Api(client=api.client, key=key, tenant_id=api.tenant_id).get("documents")
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert response.headers["Content-Type"] == "application/problem+json"


def test_what_the_framework_answers_is_a_problem_too(api: Api) -> None:
    for response, status in (
        (api.get("nothing"), 404),
        (api.get("documents/no-uuid"), 404),
        (api.client.put("/api/v1/documents", headers={"authorization": f"Bearer {api.key}"}), 405),
    ):
        assert response.status_code == status
        assert response.headers["Content-Type"] == "application/problem+json"
        assert _json(response)["status"] == status
        assert _json(response)["detail"]


def test_a_defect_is_a_problem_without_its_words(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: object) -> None:
        message = "a secret detail"
        raise RuntimeError(message)

    monkeypatch.setattr("apps.documents.queries.document", broken)
    api.client.raise_request_exception = False
    response = api.get("documents/00000000-0000-0000-0000-000000000000")
    assert (response.status_code, _json(response)["code"]) == (500, "internal_server_error")
    assert "secret" not in response.content.decode()


def test_a_missing_file_is_named(api: Api) -> None:
    response = api.client.post("/api/v1/documents", {}, headers={"authorization": f"Bearer {api.key}"})
    assert response.status_code == 422
    assert "file" in _json(response)["errors"][0]["path"]


def test_a_locked_document_opens_with_the_password_that_comes_later(api: Api) -> None:
    data = encrypted_pdf(password="secret")
    first = _json(api.upload(data, schema="invoice"))
    wrong = api.upload(data, password="guess")
    assert wrong.status_code == 200
    assert _json(api.get(f"documents/{first['id']}"))["reason_code"] == "wrong_password"
    right = api.upload(data, password="secret")
    assert (right.status_code, _json(right)["id"]) == (200, first["id"])
    document = _json(api.get(f"documents/{first['id']}"))
    assert (document["status"] in {"done", "needs_review"}, document["reason"], document["pages"]) == (True, "", 1)
    assert document["completed_at"] == _json(wrong)["completed_at"]
    assert _values(api, first["id"])["/invoice_number"]["value"] == "NW-2025-0417"


def _states(api: Api, document_id: str, *, schema: str) -> dict[str, str]:
    results = {result["schema"]: result for result in _json(api.get(f"documents/{document_id}/results"))}
    return {value["path"]: value["status"] for value in results[schema]["values"]}


def test_hidden_text_of_a_locked_document_is_not_accepted_under_a_second_schema(api: Api) -> None:
    """Its password is erased at its end, and what is stored of its pages says nothing of what a reader sees."""
    assert api.post("schemas", {"slug": "second", "definition": shipped_documents()["invoice"]}).status_code == 201
    with pymupdf.open(stream=pdf(mark="locked and painted over"), filetype="pdf") as document:
        (number,) = document[0].search_for("NW-2025-0417")
        document[0].draw_rect(number, color=(1, 1, 1), fill=(1, 1, 1))
        data = document.tobytes(encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="secret", owner_pw="owner")

    document_id = _json(api.upload(data, schema="invoice", password="secret"))["id"]
    first = _states(api, document_id, schema="invoice")
    assert (first.pop("/invoice_number"), first["/gross_total"]) == ("needs_review", "accepted")

    for told in ({}, {"password": "guess"}):
        assert _json(api.upload(data, schema="second", **told))["id"] == document_id
        unseen = _states(api, document_id, schema="second")
        assert unseen.keys() == {"/invoice_number", *first}
        assert "accepted" not in unseen.values()
        found = _json(api.get(f"documents/{document_id}"))
        assert found["status"] == "needs_review"
        assert {
            "code": "not_looked_at",
            "message": "The pages couldn't be looked at, since the document is locked: send it again with its password",
        } in found["review_reasons"]
        with tenant_scope(api.tenant_id):
            assert Document.objects.get(id=document_id).password is None

    api.upload(data, schema="second", password="secret")
    seen = _states(api, document_id, schema="second")
    assert seen.pop("/invoice_number") == "needs_review"
    assert seen == first
    reasons = _json(api.get(f"documents/{document_id}"))["review_reasons"]
    assert "not_looked_at" not in {reason["code"] for reason in reasons}
    with tenant_scope(api.tenant_id):
        runs = Run.objects.filter(document_id=document_id).count()
        # Looked at, it isn't read again for a password.
        api.upload(data, schema="second", password="secret")
        assert Run.objects.filter(document_id=document_id).count() == runs == 4


def test_the_same_bytes_are_read_with_another_schema_too(api: Api) -> None:
    data = pdf(mark="two schemas")
    first = _json(api.upload(data, schema="invoice"))
    again = api.upload(data, schema="receipt", external_id="E-7")
    assert (again.status_code, _json(again)["id"]) == (200, first["id"])
    document = _json(api.get(f"documents/{first['id']}"))
    assert document["status"] in {"done", "needs_review"}
    assert document["external_id"] == "E-7"
    results = _json(api.get(f"documents/{first['id']}/results"))
    assert [result["schema"] for result in results] == ["invoice", "receipt"]
    with tenant_scope(api.tenant_id):
        work = Counter(StageRun.objects.filter(document_id=first["id"], attempts__gt=0).values_list("stage", flat=True))
    assert work == {"parse": 1, "render": 1, "index": 1, "extract": 2, "look": 2}


def test_a_document_says_how_far_it_has_come(api: Api) -> None:
    with override_settings(QUIRE_DISPATCHER="tests.faults.dispatchers.LosingDispatcher"):
        document = _json(api.upload(pdf(mark="how far"), schema="invoice"))
        do(api.tenant_id, document["id"], "parse")
        parsed = _json(api.get(f"documents/{document['id']}"))
    assert (document["status"], document["progress"]) == ("received", 0.0)
    assert (parsed["status"], parsed["progress"]) == ("parsed", 0.25)
    listed = _json(api.get("documents"))["items"]
    assert [item["progress"] for item in listed if item["id"] == document["id"]] == [0.25]
    ended = _json(api.upload(pdf(mark="come"), schema="invoice"))
    assert _json(api.get(f"documents/{ended['id']}"))["progress"] is None


def test_a_file_whose_end_is_missing_is_read_and_says_so(api: Api) -> None:
    data = pdf(mark="an end")
    document = _json(api.upload(data[: data.rindex(b"startxref")], schema="invoice"))
    found = _json(api.get(f"documents/{document['id']}"))
    assert (found["status"], found["reason_code"]) == ("needs_review", "end_missing")
    assert found["review_reasons"][0]["code"] == "file_damaged"
    assert found["review_reasons"][0]["message"].startswith("The end of the file is missing")
    assert len(found["review_reasons"]) == 1


def test_calling_off_a_second_schema_leaves_the_document_as_it_was(api: Api) -> None:
    data = pdf(mark="called off")
    first = _json(api.upload(data, schema="invoice"))
    before = _json(api.get(f"documents/{first['id']}"))
    assert before["status"] in {"done", "needs_review"}
    with override_settings(QUIRE_DISPATCHER="tests.faults.dispatchers.LosingDispatcher"):
        again = _json(api.upload(data, schema="receipt"))
        assert (again["id"], again["status"], again["schema"]) == (first["id"], "parsed", "receipt")
        assert api.post(f"documents/{first['id']}/cancel").status_code == 200
    after = _json(api.get(f"documents/{first['id']}"))
    assert {**after, "updated_at": ""} == {**before, "updated_at": ""}
    accepted = api.post(f"documents/{first['id']}/decisions", [{"path": "/invoice_number", "verdict": "accept"}])
    assert accepted.status_code == 200


def test_a_cancelled_document_is_read_when_it_comes_again(api: Api) -> None:
    data = pdf(mark="second thoughts")
    with override_settings(QUIRE_DISPATCHER="tests.faults.dispatchers.LosingDispatcher"):
        document = _json(api.upload(data, schema="invoice"))
        busy = api.upload(data, schema="receipt")
        assert (busy.status_code, _json(busy)["code"]) == (409, "document_busy")
        assert api.upload(data, schema="invoice").status_code == 200
        assert api.post(f"documents/{document['id']}/cancel").status_code == 200
        ended = _json(api.get(f"documents/{document['id']}"))["completed_at"]
        assert ended is not None
        # What reads in ranges of its first end never meets it in two of them.
        reopened = _json(api.upload(data, schema="invoice"))
        assert (reopened["status"], reopened["completed_at"]) == ("received", ended)
        assert api.post(f"documents/{document['id']}/cancel").status_code == 200
    again = api.upload(data, schema="invoice")
    assert (again.status_code, _json(again)["id"]) == (200, document["id"])
    found = _json(api.get(f"documents/{document['id']}"))
    assert found["status"] in {"done", "needs_review"}
    assert found["completed_at"] == ended
    assert api.post(f"documents/{document['id']}/cancel").status_code == 409


@pytest.mark.parametrize(
    "query",
    [
        {"cursor": "W1tb" * 1000},
        {"cursor": "WyI5OTk5LTEyLTMxVDIzOjU5OjU5LTIzOjU5IiwiMDAwMDAwMDAtMDAwMC0wMDAwLTAwMDAtMDAwMDAwMDAwMDAwIl0"},
        {"cursor": "x"},
        {"cursor": "bnVsbA"},
        {"cursor": "\0"},
        {"updated_since": "9999-12-31T23:59:59-23:59"},
        {"updated_since": "2026-01-31T00:00:00"},
        {"updated_since": "yesterday"},
        {"limit": "0"},
    ],
)
def test_a_bad_question_is_answered_with_what_is_wrong(api: Api, query: dict[str, str]) -> None:
    response = api.get("documents", **query)
    assert response.status_code in {400, 422}
    assert response.headers["Content-Type"] == "application/problem+json"
    assert _json(response)["detail"]


@pytest.mark.parametrize(
    "moment",
    ["2026-01-31", "2026-01-31T13:30:00Z", "2026-01-31t13:30:00.25z", "2026-01-31T13:30:00+01:00", "0001-01-01"],
)
def test_a_time_is_a_day_or_an_rfc_3339_date_time(api: Api, moment: str) -> None:
    assert _json(api.get("documents", updated_since=moment)) == {"items": [], "next_cursor": None}


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        *[
            (moment, "write a time as RFC 3339 has it")
            for moment in ["2020", "1767225600", "1767225600.5", "2026-01", "2026-01-31T13:30:00", "20260131",
                           "2026-01-31T13:30Z", "2026-01-31T13:30:00+0100", "2026-01-31T13:30:00 01:00",
                           "2026-01-31 13:30:00Z", "2026-W05-6", "P1D", "yesterday", "", " ", "٢٠٢٦-٠١-٣١"]
        ],
        *[
            (moment, "there is no such time")
            for moment in ["2026-02-30", "2026-01-31T25:00:00Z", "9999-12-31T23:59:59-23:59", "0000-01-01"]
        ],
    ],
)  # fmt: skip
def test_a_time_in_another_form_is_refused_with_the_form_that_is_wanted(api: Api, moment: str, said: str) -> None:
    response = api.get("documents", updated_since=moment)
    assert (response.status_code, _json(response)["code"]) == (422, "invalid_request")
    assert response.headers["Content-Type"] == "application/problem+json"
    (error,) = _json(response)["errors"]
    assert error["path"] == "/query/updated_since"
    assert said in error["message"]
    assert "2026-01-31T13:30:00Z" in error["message"]


def test_updated_since_counts_from_the_moment_that_is_meant(api: Api) -> None:
    document = _json(api.upload(pdf(mark="since")))
    document = _json(api.get(f"documents/{document['id']}"))
    updated = datetime.fromisoformat(document["updated_at"])
    east = timezone(timedelta(hours=5))
    for moment, there in ((updated, 1), (updated + timedelta(milliseconds=1), 0)):  # it is shown to the millisecond
        found = _json(api.get("documents", updated_since=moment.astimezone(east).isoformat(timespec="milliseconds")))
        assert len(found["items"]) == there
    tomorrow = updated.astimezone(UTC).date() + timedelta(days=1)
    assert len(_json(api.get("documents", updated_since=f"{tomorrow - timedelta(days=1)}"))["items"]) == 1
    assert _json(api.get("documents", updated_since=f"{tomorrow}"))["items"] == []


def test_an_unknown_field_beside_a_file_is_refused(api: Api) -> None:
    response = api.upload(pdf(), shema="invoice")
    assert response.status_code == 422
    assert [error["path"] for error in _json(response)["errors"]] == ["/form/shema"]
    assert _json(api.get("documents"))["items"] == []


def test_an_address_with_nul_is_refused(api: Api) -> None:
    response = api.get("schemas/%00")
    assert response.status_code == 400
    assert _json(response)["detail"]


@pytest.mark.parametrize("name", [".", "..", "\U0001f600" * 300, "a" * 2000 + ".pdf"])
def test_an_odd_name_is_mended_or_refused_with_words(api: Api, name: str) -> None:
    head = f'--cut\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    response = api.client.post(
        "/api/v1/documents",
        head.encode() + pdf(mark=name[:3]) + b"\r\n--cut--\r\n",
        content_type="multipart/form-data; boundary=cut",
        headers={"authorization": f"Bearer {api.key}"},
    )
    assert response.status_code in {201, 400, 422}
    document = _json(response)
    assert document["detail"] if response.status_code != 201 else 0 < len(document["name"]) <= 255


def test_the_description_tells_how_errors_and_files_look(api: Api) -> None:
    description = _json(api.get("openapi.json"))
    operations = [operation for path in description["paths"].values() for operation in path.values()]
    problem = "#/components/schemas/Problem"
    assert all(
        operation["responses"]["default"]["content"]["application/problem+json"]["schema"]["$ref"] == problem
        for operation in operations
    )
    assert "Problem" in description["components"]["schemas"]
    picture = description["paths"]["/api/v1/documents/{document_id}/pages/{number}.jpg"]["get"]
    assert list(picture["responses"]["200"]["content"]) == ["image/jpeg"]


def test_a_value_that_no_reader_sees_goes_to_review(api: Api) -> None:
    lines = [(x, y, text, size) for x, y, text, size in INVOICE_LINES if "781.20" not in text]
    with pymupdf.open(stream=pdf(lines=lines, mark="hidden")) as document:
        for x, y, text, size in INVOICE_LINES:
            if "781.20" in text:
                document[0].insert_text((x, y), text, fontsize=size, color=(1, 1, 1))
        data = document.tobytes()
    document_id = _json(api.upload(data, schema="invoice"))["id"]
    assert _json(api.get(f"documents/{document_id}"))["status"] == "needs_review"
    values = _values(api, document_id)
    assert values["/gross_total"]["status"] != "accepted"
    assert values["/invoice_number"]["status"] == "accepted"


def test_a_list_of_a_schema_that_is_not_there_says_so(api: Api, other_api: Api) -> None:
    definition = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "title": "Own",
        "properties": {"a": {"type": "string", "maxLength": 9}},
    }
    assert other_api.post("schemas", {"slug": "own", "definition": definition}).status_code == 201
    assert _json(other_api.get("documents", schema="own"))["items"] == []
    for slug in ("nope", "own"):
        response = api.get("documents", schema=slug)
        assert (response.status_code, response.headers["Content-Type"]) == (422, "application/problem+json")
        assert _json(response)["code"] == "unknown_schema"
        assert _json(response)["detail"] == (
            f"there is no schema '{slug}'; there are: advertising-contract, invoice, nda, receipt"
        )
    assert _json(api.get("documents", schema="invoice")) == {"items": [], "next_cursor": None}
