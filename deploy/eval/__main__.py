"""`python -m deploy.eval`: see the package's docstring."""

from __future__ import annotations

import argparse
import json
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

from apps.common.errors import QuireError
from apps.extraction.engines.protocol import Engine, ExtractionRequest
from apps.parsing import sniff
from apps.schemas.definitions import shipped_schemas
from deploy.eval.corpus import E_INVOICES, PROJECT, SCHEMAS, Example, examples
from deploy.eval.parsed import ParsedCorpus, stripped
from deploy.eval.reliability import reliability_table
from deploy.eval.report import HALVES, Key, as_json, table, targets
from deploy.eval.scoring import Tally, score

ENGINES = ("einvoice", "layout")
RUN = PROJECT / ".run"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print. Returns 0, or 1 if an engine broke on a document."""
    options = _options(arguments)
    parsed = ParsedCorpus(folder=RUN / "eval-cache", refresh=options.refresh)
    tallies: dict[Key, Tally] = {}
    broken = 0
    try:
        for engine_name in options.engine or ENGINES:
            engine = _engine(engine_name)
            for example in _chosen(options, engine_name):
                try:
                    found = _measure(engine, engine_name, example, parsed)
                except Exception as error:  # noqa: BLE001 - one broken document must not hide the others' figures
                    broken += 1
                    print(f"{engine_name} broke on {example.name}: {_reason(error)}", file=sys.stderr)  # noqa: T201
                    if options.errors and not isinstance(error, QuireError):
                        traceback.print_exception(error)
                    # What can't be read is not answered: it counts.
                    found = score(example=example, values=(), whole=engine_name == "einvoice")
                for name, tally in found.items():
                    if not options.field or name.split(".")[0] in options.field or name in options.field:
                        tallies.setdefault((engine_name, example.set, example.half, name), Tally()).add(tally)
    finally:
        parsed.close()
    print(table(tallies))  # noqa: T201
    print(reliability_table(tallies))  # noqa: T201
    print(targets(tallies))  # noqa: T201
    if broken:
        print(f"\n{broken} documents could not be read: they count as not answered")  # noqa: T201
    if options.errors or options.missing:
        _print_faults(tallies, missing=options.missing)
    output = Path(options.output)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(as_json(tallies), indent=1) + "\n", encoding="utf-8")
    return 1 if broken else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.eval", description="Measure the engines on the corpus.")
    parser.add_argument("--engine", action="append", choices=ENGINES, help="this engine only; may be repeated")
    parser.add_argument("--set", action="append", choices=sorted(SCHEMAS), help="this set only; may be repeated")
    parser.add_argument("--half", choices=HALVES, help="this half only")
    parser.add_argument("--field", action="append", help="this field only; may be repeated")
    parser.add_argument("--file", help="only documents whose path holds this")
    parser.add_argument("--errors", action="store_true", help="list wrong answers")
    parser.add_argument("--missing", action="store_true", help="list missing answers too")
    parser.add_argument("--refresh", action="store_true", help="parse again")
    parser.add_argument(
        "--output", default=str(RUN / "eval.json"), help="where the figures go (default .run/eval.json)"
    )
    return parser.parse_args(arguments)


def _engine(name: str) -> Engine:
    if name == "einvoice":
        from apps.extraction.engines.einvoice import EInvoiceEngine  # noqa: PLC0415 - only what is asked for is loaded

        return EInvoiceEngine()
    from apps.extraction.engines.layout import LayoutEngine  # noqa: PLC0415

    return LayoutEngine()


def _chosen(options: argparse.Namespace, engine: str) -> Iterator[Example]:
    sets = frozenset(options.set) if options.set else None
    for example in examples(sets=sets):
        if options.half and example.half != options.half:
            continue
        if options.file and options.file not in example.name:
            continue
        if engine == "einvoice" and example.set not in E_INVOICES:
            continue
        if engine != "einvoice" and (example.media_type == sniff.XML or not example.natural):
            continue
        yield example


def _measure(engine: Engine, name: str, example: Example, parsed: ParsedCorpus) -> dict[str, Tally]:
    whole = name == "einvoice"
    document = parsed.read(path=example.path, sha256=example.sha256, media_type=example.media_type)
    schema = shipped_schemas()[example.schema]
    request = ExtractionRequest(
        document=document if whole else stripped(document),
        schema=schema,
        wanted=frozenset(field.name for field in schema.fields),
    )
    return score(example=example, values=engine.extract(request).values, whole=whole)


def _print_faults(tallies: dict[Key, Tally], *, missing: bool) -> None:
    for (engine, set_, half, name), tally in tallies.items():
        faults = [fault for fault in tally.faults if missing or fault.said is not None]
        if faults:
            print(f"\n{engine} on {set_} ({half}), {name}")  # noqa: T201
        for fault in faults:
            said = "nothing" if fault.said is None else repr(fault.said)
            print(f"  {fault.name}\n      said {said}, truth {fault.truth!r}")  # noqa: T201


def _reason(error: BaseException) -> str:
    return error.message if isinstance(error, QuireError) else f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    sys.exit(main())
