"""Whether confidence means what it says: the share right of the values that were so sure."""

from __future__ import annotations

from collections.abc import Mapping

from apps.extraction.calibration import calibration_error, fit, reliability
from deploy.eval.report import HALVES, Key
from deploy.eval.scoring import Tally


def judged(tallies: Mapping[Key, Tally], *, engine: str, half: str) -> list[tuple[float, bool]]:
    """Return confidence and whether it was right of every answer of an engine on a half."""
    return [
        pair for (of, _, side, _), tally in tallies.items() if (of, side) == (engine, half) for pair in tally.judged
    ]


def reliability_table(tallies: Mapping[Key, Tally]) -> str:
    """Return a line for each tenth of confidence, both halves side by side, and how far it is off on average.

    The last line says how far off the held half would be by a curve that was fitted on the tuned one.
    """
    lines = ["\nReliability: of the answers with a confidence between, so many are right"]
    for engine in dict.fromkeys(engine for engine, *_ in tallies):
        pairs = {half: judged(tallies, engine=engine, half=half) for half in HALVES}
        rows = {half: {row.low: row for row in reliability(pairs[half])} for half in HALVES}
        lines.append(f"\n{engine:14}" + "".join(f"{half:>10}{'said':>8}{'right':>8}" for half in HALVES))
        for low in sorted({low for half in HALVES for low in rows[half]}):
            cells = []
            for half in HALVES:
                row = rows[half].get(low)
                cells.append(f"{row.count:>10}{row.said:>8.1%}{row.right:>8.1%}" if row else " " * 26)
            lines.append(f"  {low:.1f} to {low + 0.1:.1f} " + "".join(cells))
        errors = [calibration_error(tuple(rows[half].values())) for half in HALVES]
        lines.append(
            f"  {'off by':12}" + "".join(" " * 18 + ("       -" if e is None else f"{e:>8.1%}") for e in errors)
        )
        curve = fit(pairs["tune"])
        if curve.points and pairs["held"]:
            after = calibration_error(reliability([(curve.share(said), right) for said, right in pairs["held"]]))
            lines.append(f"  off by {after:.1%} on the held half with a curve from the tuned half")
    return "\n".join(lines)
