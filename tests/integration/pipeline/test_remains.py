"""A document that is deleted while its pages are drawn leaves no picture in storage, whatever becomes of its worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.files.storage import default_storage
from django.test import override_settings

from apps.common.clock import SYSTEM_CLOCK
from apps.documents import storage
from apps.documents.models import Document
from apps.parsing.errors import SandboxLost, unparsable
from apps.parsing.sandbox import RenderedPage, Sandbox
from apps.pipeline import operations
from apps.pipeline.intake import delete_document
from apps.pipeline.remains import remove_remains
from apps.tenants.scope import tenant_scope
from tests.factories.documents import pdf
from tests.factories.stages import do
from tests.factories.uploads import upload

LEASE = timedelta(seconds=60)


@pytest.fixture(autouse=True)
def by_hand() -> Iterator[None]:
    with override_settings(QUIRE_DISPATCHER="tests.faults.dispatchers.LosingDispatcher"):
        yield


def _parsed(tenant: UUID, mark: str) -> tuple[UUID, Path]:
    """Return a document that waits to be drawn, and where its pictures come to lie."""
    document_id = upload(tenant, pdf(pages=3, mark=mark), schema="invoice")
    do(tenant, document_id, "parse")
    with tenant_scope(tenant):
        blob_id = Document.objects.values_list("blob_id", flat=True).get(id=document_id)
    assert blob_id is not None
    key = storage.page_image_key(tenant_id=tenant, blob_id=blob_id, number=1)
    return document_id, Path(default_storage.path(key)).parent


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def _deleting(tenant: UUID, document_id: UUID, folder: Path, end: Callable[[], None]) -> Callable[..., Any]:
    """Return a drawing of pages that deletes the document after the first one, draws the second, and ends so."""
    draw = Sandbox.render

    def drawing(self: Sandbox, **arguments: Any) -> Iterator[RenderedPage]:
        pages = draw(self, **arguments)
        yield next(pages)
        assert _names(folder) == ["1.jpg"]
        delete_document(tenant_id=tenant, document_id=document_id, clock=SYSTEM_CLOCK)
        assert _names(folder) == []
        yield next(pages)
        assert _names(folder) == ["2.jpg"]
        end()
        yield from pages

    return drawing


def _raising(error: BaseException) -> Callable[[], None]:
    def end() -> None:
        raise error

    return end


@pytest.mark.parametrize(
    "end",
    [
        _raising(SandboxLost("the reader was lost")),
        _raising(unparsable(code="too_slow")),
        _raising(ZeroDivisionError()),
        lambda: None,
    ],
    ids=["retryable", "terminal", "crash", "done"],
)
def test_however_an_attempt_ends_it_takes_its_pictures_back(
    tenant: UUID, monkeypatch: pytest.MonkeyPatch, end: Callable[[], None]
) -> None:
    document_id, folder = _parsed(tenant, "deleted while it is drawn")
    monkeypatch.setattr(Sandbox, "render", _deleting(tenant, document_id, folder, end))
    do(tenant, document_id, "render")
    assert _names(folder) == []


def test_a_commit_that_fails_takes_the_pictures_of_a_deleted_document_back(
    tenant: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    document_id, folder = _parsed(tenant, "deleted before the commit")

    def complete(**_: Any) -> None:
        delete_document(tenant_id=tenant, document_id=document_id, clock=SYSTEM_CLOCK)
        (folder / "2.jpg").write_bytes(b"drawn late")
        raise OSError

    monkeypatch.setattr(operations, "complete", complete)
    do(tenant, document_id, "render")
    assert _names(folder) == []


def test_a_picture_of_a_living_document_stays_for_the_next_attempt_and_goes_with_the_document(
    tenant: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    document_id, folder = _parsed(tenant, "drawn in part, then deleted")
    draw = Sandbox.render

    def drawing(self: Sandbox, **arguments: Any) -> Iterator[RenderedPage]:
        yield next(draw(self, **arguments))
        raise SandboxLost("the reader was lost")

    monkeypatch.setattr(Sandbox, "render", drawing)
    do(tenant, document_id, "render")
    assert _names(folder) == ["1.jpg"]
    # No row of the database knows it.
    delete_document(tenant_id=tenant, document_id=document_id, clock=SYSTEM_CLOCK)
    assert _names(folder) == []


def test_what_a_killed_worker_left_is_removed_after_a_leases_time(tenant: UUID) -> None:
    document_id, folder = _parsed(tenant, "killed while it is drawn")
    delete_document(tenant_id=tenant, document_id=document_id, clock=SYSTEM_CLOCK)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "1.jpg").write_bytes(b"stored by a worker that is killed next")
    (folder / "tmp1234").write_bytes(b"half a picture")
    with tenant_scope(tenant):
        stone = Document.objects.get(id=document_id)
    remove_remains(grace=LEASE)
    assert _names(folder) == ["1.jpg", "tmp1234"]
    with tenant_scope(tenant):
        Document.objects.filter(id=document_id).update(updated_at=stone.updated_at - 2 * LEASE)
    remove_remains(grace=LEASE)
    assert _names(folder) == []
    with tenant_scope(tenant):
        after = Document.objects.get(id=document_id)
    assert (after.remains_id, after.updated_at) == (None, stone.updated_at - 2 * LEASE)
