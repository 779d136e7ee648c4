"""What a job will use of a model, before it is begun: by arithmetic, or from what such documents used before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from apps.extraction.packing import PAGE_TOKENS, QUESTION_TOKENS, REPLY_TOKENS, reply_tokens, text_tokens
from apps.extraction.prompt import SYSTEM, question
from apps.inference.profiles import Profile
from apps.schemas.fields import Field, Kind, Schema

# A page's words in Tekken, the 10th, 50th to 60th and 90th of a hundred: 127 pages of business documents and forms.
TEXT_PAGE = (320, 800, 1700)
# An A4 page as parsing renders it.
PICTURE_PIXELS = (1092, 1540)
# {"value": "...", "quote": "...", "page": 1}: a short one, a common one.
NULL_ANSWER, ANSWER = 10, 45
EXPECTED_ROWS = 5
# Which share of the documents goes on to a model: the first one after cheaper engines, and each one after it.
FIRST_SHARE = (0.0, 1.0, 1.0)
LATER_SHARE = (0.0, 0.25, 1.0)
# From fewer documents nothing is told.
ENOUGH_DOCUMENTS = 20
# Two-sided 95% of the normal distribution.
_Z = 1.96


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A job: so many documents of one schema, with so many pages of either kind together."""

    documents: int
    text_pages: int
    scanned_pages: int

    @property
    def pages(self) -> int:
        return self.text_pages + self.scanned_pages


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Tokens of prompts and completions."""

    prompt: float
    completion: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Three ways that it may go."""

    low: Tokens
    expected: Tokens
    high: Tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class PastDocument:
    """What one engine used on one document; nothing where the cheaper ones had answered all."""

    pages: int
    prompt: int
    completion: int


def by_arithmetic(
    *, work: Workload, schema: Schema, profile: Profile, after_cheaper: bool, after_model: bool
) -> Expected:
    """Return what a job takes by its pages, the schema's question and the profile's picture rule.

    `after_cheaper` says that engines without a model come first and may answer all, `after_model` that another model
    does. High is every document with dense pages, each with a picture where the model takes one, and full replies.
    """
    shares = LATER_SHARE if after_model else FIRST_SHARE if after_cheaper else (1.0, 1.0, 1.0)
    asked = text_tokens(text=question(schema=schema, fields=schema.fields), profile=profile)
    frame = text_tokens(text=SYSTEM, profile=profile) + min(asked, QUESTION_TOKENS)
    width, height = PICTURE_PIXELS
    picture = profile.images.tokens(width=width, height=height) if profile.images else 0
    room = profile.context - QUESTION_TOKENS - reply_tokens(profile)
    cases = []
    for place, share in enumerate(shares):
        pictured = work.pages if place == 2 else work.scanned_pages
        pages = work.pages * (TEXT_PAGE[place] + PAGE_TOKENS) + pictured * picture
        calls = work.documents * math.ceil(pages / max(work.documents, 1) / room) if pages else work.documents
        cases.append(
            Tokens(prompt=share * (pages + calls * frame), completion=share * calls * _reply(schema.fields, place))
        )
    return Expected(low=cases[0], expected=cases[1], high=cases[2])


def from_the_past(*, work: Workload, past: Sequence[PastDocument]) -> Expected:
    """Return what a job takes where its documents are like those of the past.

    Tokens go by the page: the ratio estimator, its error as Cochran has it (Sampling Techniques, ch. 6), and with it
    what single documents scatter. Low and high bound 19 of 20 such jobs. Raises ValueError for fewer than two.
    """
    if len(past) < 2 or not sum(one.pages for one in past):
        raise ValueError("there are too few documents to tell by")
    prompt = _projected([(one.pages, one.prompt) for one in past], work)
    completion = _projected([(one.pages, one.completion) for one in past], work)
    low, expected, high = (Tokens(prompt=prompt[place], completion=completion[place]) for place in range(3))
    return Expected(low=low, expected=expected, high=high)


def _projected(past: Sequence[tuple[int, int]], work: Workload) -> tuple[float, float, float]:
    count = len(past)
    pages = sum(page for page, _ in past)
    ratio = sum(used for _, used in past) / pages
    spread = math.sqrt(sum((used - ratio * page) ** 2 for page, used in past) / (count - 1))
    mean = ratio * work.pages
    error = _Z * spread * math.sqrt(work.documents + (work.pages * count / pages) ** 2 / count)
    return max(mean - error, 0.0), mean, mean + error


def _reply(fields: Sequence[Field], place: int) -> int:
    """Return the tokens of a reply: empty, with a list of some rows, or as long as one gets at first."""
    if place == 2:
        return REPLY_TOKENS
    if place == 0:
        return NULL_ANSWER * len(fields)
    answers = sum(EXPECTED_ROWS * max(len(one.columns), 1) if one.kind is Kind.ARRAY else 1 for one in fields)
    return min(ANSWER * answers, REPLY_TOKENS)
