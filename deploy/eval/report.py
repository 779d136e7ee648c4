"""The counts as a table and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from deploy.eval.corpus import E_INVOICES
from deploy.eval.scoring import Tally

HALVES = ("tune", "held")
Key = tuple[str, str, str, str]
"""Engine, set, half, field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What an engine has to reach on some fields of some sets, all counted together."""

    name: str
    engine: str
    sets: tuple[str, ...]
    fields: tuple[str, ...]
    coverage: float
    precision: float


_HEADER = (
    "invoice_number",
    "issue_date",
    "seller_name",
    "buyer_name",
    "currency",
    "net_total",
    "tax_total",
    "gross_total",
)
TARGETS = (
    Target(
        name="e-invoices, header fields",
        engine="einvoice",
        sets=E_INVOICES,
        fields=_HEADER,
        coverage=0.99,
        precision=0.99,
    ),
    Target(
        name="natural e-invoice PDFs, header fields",
        engine="layout",
        sets=E_INVOICES,
        fields=_HEADER,
        coverage=0.70,
        precision=0.90,
    ),
    Target(
        name="advertising contracts",
        engine="layout",
        sets=("vrdu_adbuy",),
        fields=("contract_number", "advertiser", "gross_amount", "flight_from", "flight_to"),
        coverage=0.60,
        precision=0.85,
    ),
    Target(
        name="receipts, total and date",
        engine="layout",
        sets=("sroie",),
        fields=("total", "date"),
        coverage=0.60,
        precision=0.85,
    ),
)


def pooled(
    tallies: Mapping[Key, Tally], *, engine: str, sets: Iterable[str], half: str, fields: Iterable[str] | None = None
) -> Tally:
    """Return several sets' and fields' counts as one."""
    sets, names = frozenset(sets), None if fields is None else frozenset(fields)
    total = Tally()
    for (of, set_, side, name), tally in tallies.items():
        if of == engine and set_ in sets and side == half and (names is None or name in names):
            total.add(tally)
    return total


def table(tallies: Mapping[Key, Tally]) -> str:
    """Return one line a field, both halves side by side."""
    head = f"{'':34}{'tune':^32}{'held':^32}\n"
    head += f"{'':34}" + f"{'true':>6}{'said':>6}{'coverage':>10}{'precision':>10}" * 2
    lines = [head]
    shown = None
    for engine, set_, name in dict.fromkeys((engine, set_, name) for engine, set_, _, name in tallies):
        if (engine, set_) != shown:
            lines.append(f"\n{engine} on {set_}")
            shown = (engine, set_)
        sides = [tallies.get((engine, set_, half, name), Tally()) for half in HALVES]
        lines.append(f"  {name:<32}" + "".join(_columns(tally) for tally in sides))
    return "\n".join(lines)


def targets(tallies: Mapping[Key, Tally]) -> str:
    """Return one line a target, measured on the held half, with the tuned half beside it."""
    lines = ["\nTargets (on the held half; in brackets the half that was tuned on)"]
    for target in TARGETS:
        held, tuned = (
            pooled(tallies, engine=target.engine, sets=target.sets, half=half, fields=target.fields)
            for half in ("held", "tune")
        )
        if not held.present and not tuned.present:
            continue
        ok = (held.coverage or 0) >= target.coverage and (held.precision or 0) >= target.precision
        verdict = "reached" if ok else "NOT reached" if held.present else "no documents"
        coverage = (
            f"coverage {_share(held.coverage)} ({_share(tuned.coverage).strip()}), at least {target.coverage:.0%}"
        )
        precision = (
            f"precision {_share(held.precision)} ({_share(tuned.precision).strip()}), at least {target.precision:.0%}"
        )
        lines.append(f"  {target.engine:<9}{target.name:<40} {coverage}; {precision}: {verdict}")
    return "\n".join(lines)


def as_json(tallies: Mapping[Key, Tally]) -> dict[str, object]:
    """Return everything that was counted."""
    return {
        "results": [
            {"engine": engine, "set": set_, "half": half, "field": name, **_numbers(tally)}
            for (engine, set_, half, name), tally in tallies.items()
        ],
        "targets": [
            {
                "name": target.name,
                "engine": target.engine,
                "half": half,
                **_numbers(pooled(tallies, engine=target.engine, sets=target.sets, half=half, fields=target.fields)),
                "target_coverage": target.coverage,
                "target_precision": target.precision,
            }
            for target in TARGETS
            for half in HALVES
        ],
    }


def _numbers(tally: Tally) -> dict[str, int | float | None]:
    return {
        "present": tally.present,
        "answered": tally.answered,
        "right": tally.right,
        "coverage": tally.coverage,
        "precision": tally.precision,
        "accepted": tally.accepted,
        "accepted_precision": tally.accepted_precision,
    }


def _columns(tally: Tally) -> str:
    return f"{tally.present:>6}{tally.answered:>6}{_share(tally.coverage):>10}{_share(tally.precision):>10}"


def _share(value: float | None) -> str:
    return "   -" if value is None else f"{value:6.1%}"
