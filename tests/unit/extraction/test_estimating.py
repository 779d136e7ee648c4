"""The arithmetic of an estimate."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.extraction.estimating import PastDocument, Workload, by_arithmetic, from_the_past
from apps.extraction.packing import text_tokens
from apps.extraction.prompt import SYSTEM, question
from apps.inference.profiles import profile
from apps.schemas.definitions import shipped_schemas

SCHEMA = shipped_schemas()["receipt"]
MEDIUM = profile("medium")
ASKED = text_tokens(text=SYSTEM, profile=MEDIUM) + text_tokens(
    text=question(schema=SCHEMA, fields=SCHEMA.fields), profile=MEDIUM
)
JOB = Workload(documents=10, text_pages=30, scanned_pages=5)


def test_a_model_alone_is_asked_about_every_document() -> None:
    found = by_arithmetic(work=JOB, schema=SCHEMA, profile=MEDIUM, after_cheaper=False, after_model=False)
    # 35 pages of words and their marks, a picture of 55 x 40 for each scan, and a call for each document.
    assert found.low.prompt == 35 * (320 + 48) + 5 * 2200 + 10 * ASKED
    assert found.expected.prompt == 35 * (800 + 48) + 5 * 2200 + 10 * ASKED
    assert found.high.prompt == 35 * (1700 + 48) + 35 * 2200 + 10 * ASKED
    assert [case.completion for case in (found.low, found.expected, found.high)] == [500, 2250, 40_960]


def test_cheaper_engines_may_leave_nothing_to_a_model() -> None:
    alone = by_arithmetic(work=JOB, schema=SCHEMA, profile=MEDIUM, after_cheaper=False, after_model=False)
    first = by_arithmetic(work=JOB, schema=SCHEMA, profile=MEDIUM, after_cheaper=True, after_model=False)
    later = by_arithmetic(work=JOB, schema=SCHEMA, profile=MEDIUM, after_cheaper=True, after_model=True)
    assert (first.low.prompt, first.expected, first.high) == (0, alone.expected, alone.high)
    assert (later.low.prompt, later.expected.prompt, later.high) == (0, alone.expected.prompt / 4, alone.high)


def test_a_text_model_gets_no_pictures_and_a_long_document_several_calls() -> None:
    large = profile("large")
    one = Workload(documents=1, text_pages=0, scanned_pages=10)
    found = by_arithmetic(work=one, schema=SCHEMA, profile=large, after_cheaper=False, after_model=False)
    frame = text_tokens(text=SYSTEM, profile=large) + text_tokens(
        text=question(schema=SCHEMA, fields=SCHEMA.fields), profile=large
    )
    assert found.expected.prompt == 10 * 848 + frame
    short = replace(large, context=20_000)
    # 20,000 less 4,096 for the question and 4,096 for the reply are room for 11,808: 40 pages of 848 take three calls.
    long = Workload(documents=1, text_pages=40, scanned_pages=0)
    found = by_arithmetic(work=long, schema=SCHEMA, profile=short, after_cheaper=False, after_model=False)
    assert found.expected.prompt == 40 * 848 + 3 * frame


def test_the_past_is_told_by_the_page() -> None:
    past = [PastDocument(pages=1, prompt=1000, completion=50), PastDocument(pages=3, prompt=3000, completion=150)]
    found = from_the_past(work=Workload(documents=10, text_pages=20, scanned_pages=20), past=past)
    for case in (found.low, found.expected, found.high):
        assert (case.prompt, case.completion) == (40_000, 2000)


def test_documents_that_scatter_make_it_uncertain() -> None:
    past = [PastDocument(pages=1, prompt=0, completion=0), PastDocument(pages=1, prompt=2000, completion=0)]
    found = from_the_past(work=Workload(documents=2, text_pages=2, scanned_pages=0), past=past)
    # The mean is 1,000, each is 1,000 from it: s = sqrt(2) x 1,000; two to come, and the mean of two that were seen.
    error = 1.96 * 2**0.5 * 1000 * (2 + 2**2 / 2) ** 0.5
    assert found.expected.prompt == 2000
    assert found.high.prompt == pytest.approx(2000 + error)
    assert found.low.prompt == 0


@settings(max_examples=50)
@given(
    past=st.lists(
        st.builds(
            PastDocument,
            pages=st.integers(1, 50),
            prompt=st.integers(0, 10**6),
            completion=st.integers(0, 10**4),
        ),
        min_size=2,
        max_size=30,
    ),
    pages=st.integers(1, 10**6),
)
def test_low_expected_and_high_are_in_order(past: list[PastDocument], pages: int) -> None:
    found = from_the_past(work=Workload(documents=pages, text_pages=pages, scanned_pages=0), past=past)
    assert 0 <= found.low.prompt <= found.expected.prompt <= found.high.prompt
    assert 0 <= found.low.completion <= found.expected.completion <= found.high.completion


def test_one_document_is_no_past() -> None:
    with pytest.raises(ValueError, match="too few documents"):
        from_the_past(work=JOB, past=[PastDocument(pages=1, prompt=1, completion=1)])
