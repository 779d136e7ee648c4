"""Storing results against saving one model a row, in values a second, evidence included.

Both write the same rows inside one transaction a result, on one connection, taking turns. The baseline is what one
writes without thinking about it: `Model(...).save()` for each row. Django sends two statements for it, since a key that
is given might be there already; `force_insert=True` spares the first, and stands beside it as the harder opponent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter
from uuid import UUID

from apps.common.clock import SYSTEM_CLOCK
from apps.common.ids import new_id
from apps.extraction.values import Evidence, ExtractedValue, ValueStatus
from apps.parsing.pages import Box
from apps.schemas.fields import Kind
from deploy.bench.measurement import Measurement, measurement

# An invoice with ten lines has about 50 values, a long statement about 1,000.
SIZES = ((50, 15), (1000, 5))
BASELINES = {"save()": 20.0, "save(force_insert=True)": 5.0}

Store = Callable[[UUID, UUID, Sequence[ExtractedValue]], None]


def measure() -> list[Measurement]:
    """Measure each size; the services are running and Django is set up."""
    tenant_id, document_id = _document()
    return [row for size, rounds in SIZES for row in _measure(tenant_id, document_id, size, rounds)]


def _measure(tenant_id: UUID, document_id: UUID, size: int, rounds: int) -> list[Measurement]:
    values = _values(size)
    stores: dict[str, Store] = {"ours": _ours, "save()": _save, "save(force_insert=True)": _insert}
    times: dict[str, list[float]] = {name: [] for name in stores}
    for turn in range(rounds + 1):
        for name, store in stores.items():
            began = perf_counter()
            store(tenant_id, document_id, values)
            if turn:  # the first warms caches and plans
                times[name].append(perf_counter() - began)
    rates = {name: size / median(seconds) for name, seconds in times.items()}
    return [
        measurement(
            name=f"store a result of {size} values (values/s)",
            ours=rates["ours"],
            baseline=rates[name],
            baseline_name=f"{name} a row",
            target=target,
        )
        for name, target in BASELINES.items()
    ]


def _ours(tenant_id: UUID, document_id: UUID, values: Sequence[ExtractedValue]) -> None:
    from apps.results.operations import store_result  # noqa: PLC0415 - Django is set up by now

    store_result(
        tenant_id=tenant_id,
        document_id=document_id,
        run_id=new_id(),
        schema_slug="invoice",
        schema_version=1,
        values=values,
        notes=(),
        clock=SYSTEM_CLOCK,
    )


def _save(tenant_id: UUID, document_id: UUID, values: Sequence[ExtractedValue]) -> None:
    _one_by_one(tenant_id, document_id, values, force_insert=False)


def _insert(tenant_id: UUID, document_id: UUID, values: Sequence[ExtractedValue]) -> None:
    _one_by_one(tenant_id, document_id, values, force_insert=True)


def _one_by_one(tenant_id: UUID, document_id: UUID, values: Sequence[ExtractedValue], *, force_insert: bool) -> None:
    from apps.results.models import Result, StoredEvidence, StoredValue  # noqa: PLC0415 - Django is set up by now
    from apps.results.typed import date_of, number_of  # noqa: PLC0415
    from apps.tenants.scope import tenant_scope  # noqa: PLC0415

    with tenant_scope(tenant_id):
        result = Result(
            tenant_id=tenant_id,
            document_id=document_id,
            run_id=new_id(),
            schema_slug="invoice",
            schema_version=1,
            created_at=SYSTEM_CLOCK.now(),
        )
        result.save(force_insert=force_insert)
        for ordinal, value in enumerate(values):
            stored = StoredValue(
                tenant_id=tenant_id,
                result_id=result.id,
                document_id=document_id,
                ordinal=ordinal,
                path=value.path,
                kind=value.kind.value,
                value=value.value,
                number=number_of(kind=value.kind, value=value.value),
                date=date_of(kind=value.kind, value=value.value),
                engine=value.engine,
                confidence=value.confidence,
                status=value.status.value,
            )
            stored.save(force_insert=force_insert)
            for place, evidence in enumerate(value.evidence):
                StoredEvidence(
                    tenant_id=tenant_id,
                    value_id=stored.id,
                    ordinal=place,
                    page=evidence.page,
                    x0=evidence.box.x0,
                    y0=evidence.box.y0,
                    x1=evidence.box.x1,
                    y1=evidence.box.y1,
                    quote=evidence.quote,
                ).save(force_insert=force_insert)


def _document() -> tuple[UUID, UUID]:
    from apps.documents.models import Document  # noqa: PLC0415 - Django is set up by now
    from apps.tenants.operations import create_tenant  # noqa: PLC0415
    from apps.tenants.scope import tenant_scope  # noqa: PLC0415

    tenant_id = create_tenant(slug=f"bench-{new_id().hex}", name="Bench")
    now = SYSTEM_CLOCK.now()
    with tenant_scope(tenant_id):
        document = Document.objects.create(tenant_id=tenant_id, name="bench.pdf", created_at=now, updated_at=now)
    return tenant_id, document.id


def _values(count: int) -> tuple[ExtractedValue, ...]:
    """Return values as line items have them: text, a quantity, an amount, a date, each with one place."""
    kinds: tuple[tuple[Kind, str, Callable[[int], str]], ...] = (
        (Kind.TEXT, "description", lambda line: f"Pressure gauge {line}"),
        (Kind.NUMBER, "quantity", str),
        (Kind.MONEY, "line_total", lambda line: f"{line}.50"),
        (Kind.DATE, "delivered", lambda line: f"2026-01-{line % 28 + 1:02}"),
    )
    values = []
    for ordinal in range(count):
        line, column = divmod(ordinal, len(kinds))
        kind, name, text = kinds[column]
        box = Box(0.1 + column * 0.2, 0.1 + line % 80 * 0.01, 0.25 + column * 0.2, 0.11 + line % 80 * 0.01)
        values.append(
            ExtractedValue(
                path=f"/line_items/{line}/{name}",
                value=text(line),
                kind=kind,
                engine="layout",
                confidence=0.93,
                status=ValueStatus.ACCEPTED,
                evidence=(Evidence(page=1 + line // 80, box=box, quote=text(line)),),
            )
        )
    return tuple(values)
