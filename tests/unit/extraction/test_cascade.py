"""Engines in turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from apps.extraction.calibration import Curve
from apps.extraction.cascade import Answers, run
from apps.extraction.engines.protocol import Extraction, ExtractionRequest
from apps.extraction.notes import Note, unequal
from apps.extraction.paths import top_level
from apps.extraction.values import Evidence, ExtractedValue, ValueStatus
from apps.parsing.pages import Box, ParsedDocument
from apps.schemas.fields import Field, Kind, Rule, Schema

SCHEMA = Schema(
    slug="s",
    version=1,
    title="S",
    description="",
    fields=(
        Field(name="number", title="Number", kind=Kind.IDENTIFIER, required=True),
        Field(name="total", title="Total", kind=Kind.MONEY),
        Field(
            name="items",
            title="Items",
            kind=Kind.ARRAY,
            columns=(Field(name="price", title="Price", kind=Kind.MONEY),),
        ),
    ),
)
NO_TABLE = Note(text="no table")


class Scripted:
    """An engine that answers what it is given, and remembers what it was asked."""

    def __init__(
        self,
        name: str,
        values: Sequence[ExtractedValue],
        notes: tuple[Note, ...] = (),
        *,
        unread: frozenset[str] = frozenset(),
    ) -> None:
        self.name = name
        self._values = values
        self._notes = notes
        self._unread = unread
        self.asked: list[frozenset[str]] = []

    def extract(self, request: ExtractionRequest) -> Extraction:
        self.asked.append(request.wanted)
        return Extraction(values=tuple(self._values), notes=self._notes, unread=self._unread & request.wanted)


def _value(
    path: str, engine: str, status: ValueStatus = ValueStatus.ACCEPTED, confidence: float = 0.9
) -> ExtractedValue:
    return ExtractedValue(
        path=path, value=f"{engine}{path}", kind=Kind.TEXT, engine=engine, confidence=confidence, status=status
    )


def _run(*engines: Scripted, known: tuple[ExtractedValue, ...] = ()) -> Answers:
    request = ExtractionRequest(
        document=ParsedDocument(pages=()),
        schema=SCHEMA,
        wanted=frozenset({"number", "total", "items"}),
        known=known,
    )
    return run(request=request, engines=engines)


def test_the_dearer_engine_is_asked_only_for_what_is_missing() -> None:
    cheap = Scripted("cheap", [_value("/number", "cheap")])
    dear = Scripted("dear", [_value("/total", "dear"), _value("/items/0/price", "dear")])
    answers = _run(cheap, dear)
    assert cheap.asked == [frozenset({"number", "total", "items"})]
    assert dear.asked == [frozenset({"total", "items"})]
    assert [value.value for value in answers.values] == ["cheap/number", "dear/total", "dear/items/0/price"]
    assert answers.missing == frozenset()
    assert not answers.doubtful(schema=SCHEMA)


def test_nobody_is_asked_when_nothing_is_missing() -> None:
    cheap = Scripted(
        "cheap", [_value("/number", "cheap"), _value("/total", "cheap"), _value("/items/0/price", "cheap")]
    )
    dear = Scripted("dear", [])
    _run(cheap, dear)
    assert dear.asked == []


def test_an_engine_that_answers_more_than_it_was_asked_changes_nothing() -> None:
    cheap = Scripted("cheap", [_value("/number", "cheap", confidence=0.5)])
    dear = Scripted("dear", [_value("/number", "dear", confidence=1.0)])
    assert [value.engine for value in _run(cheap, dear).values] == ["cheap"]


def test_a_weak_value_is_kept_until_a_better_one_comes() -> None:
    weak = Scripted("weak", [_value("/total", "weak", ValueStatus.UNGROUNDED)])
    assert [value.engine for value in _run(weak, Scripted("none", [])).values] == ["weak"]
    sure = Scripted("sure", [_value("/total", "sure")])
    assert [value.engine for value in _run(weak, sure).values] == ["sure"]
    assert sure.asked == [frozenset({"number", "total", "items"})]


def test_an_array_is_taken_from_one_engine_whole() -> None:
    first = Scripted(
        "first", [_value("/items/0/price", "first"), _value("/items/1/price", "first", ValueStatus.NEEDS_REVIEW)]
    )
    second = Scripted("second", [_value("/items/0/price", "second"), _value("/items/1/price", "second")])
    assert [value.engine for value in _run(first, second).values] == ["second", "second"]


def test_one_cell_that_is_not_on_the_page_does_not_lose_the_rows() -> None:
    exact = Scripted(
        "exact", [_value("/items/0/price", "exact"), _value("/items/1/price", "exact", ValueStatus.UNGROUNDED)]
    )
    guess = Scripted("guess", [_value("/items/0/price", "guess")])
    assert [value.engine for value in _run(exact, guess).values] == ["exact", "exact"]


def test_an_e_invoices_rows_are_not_lost_to_a_guess_that_the_page_shows() -> None:
    exact = Scripted(
        "einvoice",
        [_value("/items/0/price", "einvoice"), _value("/items/1/price", "einvoice", ValueStatus.UNGROUNDED)],
    )
    guess = Scripted("guess", [_value("/items/0/price", "guess"), _value("/items/1/price", "guess")])
    answers = _run(exact, guess)
    assert [(value.engine, value.status) for value in answers.values] == [
        ("einvoice", ValueStatus.ACCEPTED),
        ("einvoice", ValueStatus.UNGROUNDED),
    ]
    assert guess.asked == [frozenset({"number", "total"})]
    assert answers.doubtful(schema=SCHEMA)


def test_rows_of_an_e_invoice_of_which_the_page_shows_nothing_may_be_read_from_the_page() -> None:
    exact = Scripted("einvoice", [_value("/items/0/price", "einvoice", ValueStatus.UNGROUNDED)])
    guess = Scripted("guess", [_value("/items/0/price", "guess")])
    assert [value.engine for value in _run(exact, guess).values] == ["guess"]


def test_a_required_field_that_is_missing_asks_for_a_person() -> None:
    assert _run(Scripted("a", [_value("/total", "a")])).doubtful(schema=SCHEMA)
    assert not _run(Scripted("a", [_value("/number", "a")])).doubtful(schema=SCHEMA)


ALL = frozenset({"number", "total", "items"})
CHEAP = ("/number", "/total", "/items/0/price", "/items/1/price")


def test_a_list_of_which_a_part_was_not_read_is_asked_for_again_and_else_is_for_a_person() -> None:
    """Of a field with one value a window that had it is enough; where a list ends, only all windows know."""
    cheap = Scripted("cheap", [_value(path, "cheap") for path in CHEAP], unread=ALL)
    alone = _run(cheap)
    assert [value.path for value in alone.values] == list(CHEAP)
    assert (alone.unread, alone.missing) == (frozenset({"items"}), frozenset({"items"}))
    assert alone.doubtful(schema=SCHEMA)
    # It reads all of it, and finds no more rows: then there are no more.
    second = Scripted("second", [_value(path, "second") for path in CHEAP])
    confirmed = _run(cheap, second)
    assert second.asked == [frozenset({"items"})]
    assert {value.engine for value in confirmed.values} == {"cheap"}
    assert (confirmed.unread, confirmed.missing) == (frozenset(), frozenset())
    assert not confirmed.doubtful(schema=SCHEMA)
    # It finds less, so that it says nothing of the part that the first one missed.
    fewer = _run(cheap, Scripted("second", [_value("/items/0/price", "second")]))
    assert fewer.unread == frozenset({"items"})
    # It misses a part too.
    again = _run(cheap, Scripted("second", [_value("/items/0/price", "second")], unread=ALL))
    assert again.unread == frozenset({"items"})
    assert again.doubtful(schema=SCHEMA)


def test_nobody_knows_whether_there_is_more_of_what_no_window_answered() -> None:
    cheap = Scripted("cheap", [_value("/number", "cheap")], unread=frozenset({"total"}))
    assert _run(cheap).unread == frozenset({"total"})
    assert _run(cheap).doubtful(schema=SCHEMA)
    assert not _run(cheap, Scripted("second", [])).doubtful(schema=SCHEMA)


def test_notes_say_whose_they_are_once() -> None:
    answers = _run(Scripted("a", [], notes=(NO_TABLE, NO_TABLE)), Scripted("b", [], notes=(NO_TABLE,)))
    assert answers.notes == (replace(NO_TABLE, by="a"), replace(NO_TABLE, by="b"))


def test_pointers_are_unescaped() -> None:
    assert top_level("/line_items/0/quantity") == "line_items"
    assert top_level("/a~1b~0c") == "a/b~c"


STRICT = Schema(
    slug="strict",
    version=1,
    title="Strict",
    description="",
    fields=(
        Field(name="number", title="Number", kind=Kind.IDENTIFIER, pattern="^RE-[0-9]+$"),
        Field(
            name="items",
            title="Items",
            kind=Kind.ARRAY,
            columns=(Field(name="price", title="Price", kind=Kind.MONEY, minimum=Decimal(0)),),
        ),
    ),
)


def _said(path: str, text: str, engine: str) -> ExtractedValue:
    return replace(_value(path, engine), value=text)


def _strictly(*engines: Scripted) -> Answers:
    request = ExtractionRequest(
        document=ParsedDocument(pages=()), schema=STRICT, wanted=frozenset(field.name for field in STRICT.fields)
    )
    return run(request=request, engines=engines)


def test_a_value_against_the_schemas_constraint_is_kept_for_review() -> None:
    answers = _strictly(Scripted("one", [_said("/number", "4711", "one"), _said("/items/0/price", "-1", "one")]))
    assert [(value.path, value.value, value.status) for value in answers.values] == [
        ("/number", "4711", ValueStatus.NEEDS_REVIEW),
        ("/items/0/price", "-1", ValueStatus.NEEDS_REVIEW),
    ]
    assert tuple(map(str, answers.notes)) == (
        "schema: number breaks the schema's pattern",
        "schema: items.price breaks the schema's minimum",
    )
    assert answers.missing == {"number", "items"}
    assert answers.doubtful(schema=STRICT)


def test_a_later_engine_mends_a_value_against_a_constraint() -> None:
    later = Scripted("two", [_said("/number", "RE-4711", "two")])
    answers = _strictly(
        Scripted("one", [_said("/number", "4711", "one"), _said("/items/0/price", "1", "one")]),
        later,
    )
    assert later.asked == [frozenset({"number"})]
    assert [(value.value, value.status) for value in answers.values] == [
        ("RE-4711", ValueStatus.ACCEPTED),
        ("1", ValueStatus.ACCEPTED),
    ]
    assert answers.notes == ()


ROWS = Schema(
    slug="rows",
    version=1,
    title="Rows",
    description="",
    fields=(
        Field(
            name="items",
            title="Items",
            kind=Kind.ARRAY,
            max_items=3,
            min_items=2,
            columns=(
                Field(name="text", title="Text", kind=Kind.TEXT, required=True),
                Field(name="price", title="Price", kind=Kind.MONEY),
            ),
        ),
    ),
)


def _rows(*values: ExtractedValue) -> Answers:
    request = ExtractionRequest(document=ParsedDocument(pages=()), schema=ROWS, wanted=frozenset({"items"}))
    return run(request=request, engines=[Scripted("one", values)])


def test_more_items_than_the_schema_allows_are_for_a_person() -> None:
    answers = _rows(*(_value(f"/items/{number}/text", "one") for number in range(5)))
    assert [value.status for value in answers.values] == [
        *[ValueStatus.ACCEPTED] * 3,
        *[ValueStatus.NEEDS_REVIEW] * 2,
    ]
    assert tuple(map(str, answers.notes)) == ("schema: an item of items breaks the schema's maxItems",)
    assert answers.doubtful(schema=ROWS)
    as_many = _rows(*(_value(f"/items/{number}/text", "one") for number in range(3)))
    assert (as_many.notes, as_many.doubtful(schema=ROWS)) == ((), False)


def test_a_row_without_a_column_that_is_required_is_for_a_person() -> None:
    whole = (_value("/items/0/text", "one"), _value("/items/0/price", "one"))
    answers = _rows(*whole, _said("/items/1/price", "-1", "one"))
    assert [(value.path, value.status) for value in answers.values] == [
        ("/items/0/text", ValueStatus.ACCEPTED),
        ("/items/0/price", ValueStatus.ACCEPTED),
        ("/items/1/price", ValueStatus.NEEDS_REVIEW),
    ]
    assert tuple(map(str, answers.notes)) == ("schema: an item of items breaks the schema's required",)
    assert answers.missing == {"items"}
    assert answers.doubtful(schema=ROWS)


def test_fewer_items_than_the_schema_asks_for_are_said() -> None:
    answers = _rows(_value("/items/0/text", "one"))
    assert [value.status for value in answers.values] == [ValueStatus.ACCEPTED]
    assert tuple(map(str, answers.notes)) == ("items: there are fewer items than the schema asks for",)
    assert answers.incomplete == {"items"}
    assert answers.doubtful(schema=ROWS)
    assert _rows().notes == ()


TOTALS = Schema(
    slug="t",
    version=1,
    title="T",
    description="",
    fields=tuple(Field(name=name, title=name, kind=Kind.MONEY) for name in ("net", "tax", "gross")),
    rules=(Rule(left="net + tax", right="gross"),),
)


def _amount(
    name: str, text: str, engine: str, *, confidence: float = 0.9, status: ValueStatus = ValueStatus.ACCEPTED
) -> ExtractedValue:
    return ExtractedValue(
        path=f"/{name}", value=text, kind=Kind.MONEY, engine=engine, confidence=confidence, status=status
    )


def _totals(
    *engines: Scripted, known: tuple[ExtractedValue, ...] = (), curves: Mapping[str, Curve] | None = None
) -> Answers:
    request = ExtractionRequest(
        document=ParsedDocument(pages=()), schema=TOTALS, wanted=frozenset({"net", "tax", "gross"}), known=known
    )
    return run(request=request, engines=engines, curves=curves)


def test_a_models_value_that_breaks_a_rule_with_another_engines_is_not_accepted() -> None:
    known = (_amount("net", "100.00", "layout"), _amount("gross", "119.00", "layout"))
    small = Scripted("sglang:small", [_amount("tax", "91.00", "sglang:small")])
    medium = Scripted("sglang:medium", [_amount("tax", "19.00", "sglang:medium")])
    wrong = _totals(small, known=known)
    assert [(value.value, value.status) for value in wrong.values] == [
        ("100.00", ValueStatus.NEEDS_REVIEW),
        ("91.00", ValueStatus.NEEDS_REVIEW),
        ("119.00", ValueStatus.NEEDS_REVIEW),
    ]
    assert wrong.notes == (unequal("net + tax = gross"),)
    assert wrong.missing == frozenset({"net", "tax", "gross"})
    assert wrong.doubtful(schema=TOTALS)
    # The next model is asked, and has it right.
    _totals(small, medium, known=known)
    assert medium.asked == [frozenset({"net", "tax", "gross"})]


def test_a_model_that_agrees_is_believed_and_one_that_does_not_leaves_both_to_the_reviewer() -> None:
    weak = _amount("tax", "19.00", "layout", confidence=0.65, status=ValueStatus.NEEDS_REVIEW)
    unsure = _amount("tax", "19.00", "sglang:small", confidence=0.75, status=ValueStatus.NEEDS_REVIEW)
    agreed = _totals(Scripted("sglang:small", [unsure]), known=(weak,))
    assert [(value.engine, value.confidence, value.status) for value in agreed.values] == [
        ("sglang:small", 0.918, ValueStatus.ACCEPTED)
    ]
    assert agreed.alternatives == ()
    other = _amount("tax", "91.00", "sglang:small")
    contradicted = _totals(Scripted("sglang:small", [other]), known=(weak,))
    assert [(value.engine, value.value, value.status) for value in contradicted.values] == [
        ("layout", "19.00", ValueStatus.NEEDS_REVIEW)
    ]
    assert [(value.engine, value.value, value.confidence) for value in contradicted.alternatives] == [
        ("sglang:small", "91.00", 0.759)
    ]
    faint = _amount("tax", "19.00", "layout", confidence=0.5, status=ValueStatus.NEEDS_REVIEW)
    won = _totals(Scripted("sglang:small", [other]), known=(faint,))
    assert [(value.value, value.status) for value in won.values] == [("91.00", ValueStatus.ACCEPTED)]
    assert won.alternatives == (faint,)


def test_a_value_whose_like_were_mostly_wrong_goes_on_to_the_next_engine() -> None:
    curves = {"layout": Curve(points=((0.5, 0.3), (0.95, 0.6)))}
    layout = Scripted("layout", [_amount("net", "100.00", "layout")])
    model = Scripted("sglang:small", [])
    answers = _totals(layout, model, curves=curves)
    assert model.asked == [frozenset({"net", "tax", "gross"})]
    (value,) = answers.values
    assert (value.score, value.confidence, value.status) == (0.9, 0.5667, ValueStatus.NEEDS_REVIEW)


CAPPED = replace(TOTALS, fields=(*TOTALS.fields[:2], replace(TOTALS.fields[2], maximum=Decimal(1000))))


def _grounded(name: str, text: str, engine: str, **given: Any) -> ExtractedValue:
    place = Evidence(page=1, box=Box(0.1, 0.1, 0.2, 0.2), quote=text)
    return replace(_amount(name, text, engine, **given), evidence=(place,))


def test_what_follows_by_a_rule_is_not_accepted_against_the_schema() -> None:
    unseen = _amount("gross", "1190.00", "sglang:small", confidence=0.0, status=ValueStatus.UNGROUNDED)
    said = [_grounded("net", "1000.00", "sglang:small"), _grounded("tax", "190.00", "sglang:small"), unseen]
    request = ExtractionRequest(
        document=ParsedDocument(pages=()), schema=CAPPED, wanted=frozenset({"net", "tax", "gross"})
    )
    answers = run(request=request, engines=[Scripted("sglang:small", said)])
    assert [(value.path, value.formula, value.status) for value in answers.values] == [
        ("/net", None, ValueStatus.ACCEPTED),
        ("/tax", None, ValueStatus.ACCEPTED),
        ("/gross", "net + tax", ValueStatus.NEEDS_REVIEW),
    ]
    assert tuple(map(str, answers.notes)) == ("schema: gross breaks the schema's maximum",)
    assert answers.missing == {"gross"}
    assert answers.doubtful(schema=CAPPED)
    # Within the schema's bounds it is accepted.
    assert [value.status for value in _totals(Scripted("sglang:small", said)).values] == [ValueStatus.ACCEPTED] * 3


def test_the_same_evidence_counts_once_however_often_what_is_known_comes_back() -> None:
    """Three amounts between which a rule holds: 0.42 becomes 0.685, and stays so; and so it is where one breaks."""
    for gross, confidence in (("119.00", 0.685), ("120.00", 0.074)):
        said = [
            _grounded(name, text, "sglang:small", confidence=0.42, status=ValueStatus.NEEDS_REVIEW)
            for name, text in (("net", "100.00"), ("tax", "19.00"), ("gross", gross))
        ]
        first = _totals(Scripted("sglang:small", said))
        assert [(value.confidence, value.status) for value in first.values] == [
            (confidence, ValueStatus.NEEDS_REVIEW)
        ] * 3
        assert _totals(known=first.values).values == first.values


def test_what_was_derived_falls_with_what_it_came_from() -> None:
    unseen = _amount("gross", "119.00", "einvoice", confidence=0.7, status=ValueStatus.UNGROUNDED)
    net, tax = _grounded("net", "100.00", "layout"), _grounded("tax", "19.00", "layout")
    known = _totals(Scripted("layout", [net, tax, unseen])).values
    assert [(value.formula, value.status) for value in known][2] == ("net + tax", ValueStatus.ACCEPTED)
    assert _totals(known=known).values == known
    doubted = (known[0], replace(known[1], status=ValueStatus.NEEDS_REVIEW), known[2])
    assert _totals(known=doubted).values == (doubted[0], doubted[1], unseen)


def test_nobody_s_answer_is_accepted_for_what_an_earlier_stage_could_not_read() -> None:
    request = ExtractionRequest(
        document=ParsedDocument(pages=()),
        schema=SCHEMA,
        wanted=frozenset({"number", "total", "items"}),
        unreadable=frozenset({"total"}),
    )
    model = Scripted("sglang:small", [_value("/number", "sglang:small"), _value("/total", "sglang:small")])
    answers = run(request=request, engines=[model])
    assert [(value.path, value.status) for value in answers.values] == [
        ("/number", ValueStatus.ACCEPTED),
        ("/total", ValueStatus.NEEDS_REVIEW),
    ]
    assert answers.unreadable == {"total"}
