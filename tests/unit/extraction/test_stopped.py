"""An engine that is stopped goes on where it was: nothing is paid for twice, and the result is the undisturbed one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

import orjson
import pytest

from apps.common.errors import RetryableError
from apps.extraction import answers as answering
from apps.extraction import cascade
from apps.extraction.cascade import Answers
from apps.extraction.engines.protocol import ExtractionRequest
from apps.extraction.engines.sglang import SglangEngine
from apps.extraction.engines.stopping import StoppedError
from apps.extraction.engines.turns import Turns
from apps.extraction.progress import Question, Tried, Turn
from apps.extraction.values import ValueStatus
from apps.inference.budgets import BudgetSpentError
from apps.inference.client import SglangClient
from apps.inference.errors import ServerBusyError
from apps.inference.ledger import Reservation
from apps.inference.profiles import profile
from apps.parsing.pages import Page, ParsedDocument
from apps.results.encoding import turns_from_json, turns_to_json
from apps.schemas.fields import Field, Kind, Rule, Schema
from tests.factories.purse import OpenPurse
from tests.faults.sglang_server import Fault, LoopbackServer, answers, loopback_server
from tests.unit.extraction.pages_of_words import page

SCHEMA = Schema(
    slug="deed",
    version=1,
    title="Deed",
    description="",
    fields=(
        *(Field(name=name, title=name, kind=Kind.MONEY) for name in ("net", "tax", "gross")),
        Field(
            name="parties",
            title="Parties",
            kind=Kind.ARRAY,
            columns=(Field(name="", title="", kind=Kind.TEXT),),
        ),
        Field(name="seal", title="Seal", kind=Kind.IDENTIFIER),
    ),
    rules=(Rule(left="net + tax", right="gross"),),
)
FILLER = "Remarks about what was agreed upon, its price, its weight and whoever was there on that day, in many words."
SHOWN = {1: "net 100.00", 3: "tax 19.00", 5: "gross 119.00", 6: "seal ZX-81"}
PAGES = 7
# Two of these pages are a window.
SMALL = replace(profile("small"), context=8_700)
MEDIUM = replace(profile("medium"), context=8_700)


def _page(number: int) -> Page:
    lines = [f"Party{number}A Party{number}B", SHOWN.get(number, ""), *[FILLER] * 4]
    return page(*lines, number=number)


DOCUMENT = ParsedDocument(pages=tuple(_page(number) for number in range(1, PAGES + 1)), language="en")


def _model(handler: object) -> None:
    """Answer as a model that reads what it is shown, three parties at a time, its first try a bad one about page 4."""
    request = handler.state.requests[-1]  # type: ignore[attr-defined] # the server's handler
    parts = [part["text"] for part in request["messages"][1]["content"]]
    pages = {int(found[1]): text for text in parts[:-1] if (found := re.match(r"<page (\d+) ", text))}
    if 4 in pages and 3 not in pages and request["temperature"] == 0:
        handler.write('{"net": {"val', finish_reason="length", stream=True)  # type: ignore[attr-defined]
        return
    onward = int(found[1]) if (found := re.search(r"items before page (\d+)", parts[-1])) else 1

    def claim(value: str, number: int) -> dict[str, object]:
        # The quote is another line's: the value alone isn't believed.
        return {"value": value, "quote": "Remarks", "page": number}

    said: dict[str, object] = {}
    for name in request["response_format"]["json_schema"]["schema"]["properties"]:
        if name == "parties":
            names = [(party, number) for number in pages for party in re.findall(r"Party\w+", pages[number])]
            said[name] = [claim(*one) for one in names if one[1] >= onward][:3]
        else:
            searched = {number: re.search(rf"\b{name} (\S+)", text) for number, text in pages.items()}
            hits = [claim(hit[1], number) for number, hit in searched.items() if hit]
            said[name] = hits[0] if hits else None
    handler.write(json.dumps(said), finish_reason="stop", stream=True)  # type: ignore[attr-defined]


@dataclass(slots=True)
class TightPurse(OpenPurse):
    """A purse that holds no reply longer than `most` tokens."""

    most: int = 10**9

    def reserve(
        self,
        *,
        engine: str,
        prompt_tokens: int,
        max_tokens: int,
        images: int,
        usd: Decimal,
        price_date: date | None,
    ) -> Reservation:
        if max_tokens > self.most:
            raise BudgetSpentError("the budget is spent")
        return OpenPurse.reserve(
            self,
            engine=engine,
            prompt_tokens=prompt_tokens,
            max_tokens=max_tokens,
            images=images,
            usd=usd,
            price_date=price_date,
        )


@dataclass(slots=True)
class Desk:
    """A document that is asked again and again, each attempt with what was put down of the last one."""

    server: LoopbackServer
    client: SglangClient
    purse: TightPurse = field(default_factory=TightPurse)
    taken: tuple[Turn, ...] = ()
    stopped_by: RetryableError | None = None
    names: tuple[str, ...] = ("small", "medium")

    def ask(self, *faults: Fault) -> Answers:
        self.server.faults = [*faults, *[_model] * 100]
        engines = {"small": SMALL, "medium": MEDIUM}
        turns = Turns(
            [SglangEngine(profile=engines[name], client=self.client, ledger=self.purse) for name in self.names],
            done=[turn.engine for turn in self.taken if turn.is_done],
            taken=self.taken,
        )
        found = cascade.run(
            request=ExtractionRequest(
                document=DOCUMENT,
                schema=SCHEMA,
                wanted=frozenset(field.name for field in SCHEMA.fields),
                pictures={},
            ),
            engines=turns,
        )
        # As the database keeps it.
        self.taken = turns_from_json(orjson.loads(orjson.dumps(turns_to_json(turns.taken))))
        assert self.taken == turns.taken
        self.stopped_by = turns.stopped_by
        return found

    def forget(self) -> None:
        """Begin the document anew."""
        self.taken = ()

    @property
    def sent(self) -> list[tuple[str, str, int, float]]:
        """Return what was sent: the first page's marker, the question, the reply's room and the temperature."""
        return [
            (content[0]["text"][:8], content[-1]["text"], request["max_tokens"], request["temperature"])
            for request in self.server.requests
            for content in [request["messages"][1]["content"]]
        ]


@pytest.fixture(autouse=True)
def _three_items_in_a_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "MAX_ITEMS", 3)


@pytest.fixture
def desk() -> Iterator[Desk]:
    with loopback_server() as server:
        client = SglangClient(base_url=server.url)
        yield Desk(server=server, client=client)
        client.close()


def test_a_document_that_is_stopped_after_each_call_ends_as_one_that_never_was(desk: Desk) -> None:
    """Also its confidence: what a rule says of two models' amounts is counted once, not once an attempt."""
    undisturbed = desk.ask()
    assert (desk.stopped_by, undisturbed.missing) == (None, frozenset({"parties", "seal"}))
    assert [(value.path, value.engine, value.confidence) for value in undisturbed.values][:3] == [
        ("/net", "sglang:small", 0.9),
        ("/tax", "sglang:small", 0.9),
        ("/gross", "sglang:small", 0.9),
    ]
    assert [value.value for value in undisturbed.values if value.path.startswith("/parties")] == [
        f"Party{number}{letter}" for number in range(1, PAGES + 1) for letter in "AB"
    ]
    sent = desk.sent
    assert len(sent) == 28
    desk.server.requests.clear()
    desk.forget()
    attempts = 1
    answered = desk.ask(_model, answers(503))
    while desk.stopped_by is not None and attempts < 2 * len(sent):
        assert answered.doubtful(schema=SCHEMA)
        assert "parties" in answered.unread
        answered = desk.ask(_model, answers(503))
        attempts += 1
    assert answered == undisturbed
    # Each attempt put one question that was answered, and the next one, which wasn't.
    assert attempts == len(sent)
    assert desk.sent[::2] == sent
    assert [call.outcome for call in desk.purse.made[len(sent) :]].count("model_busy") == len(sent) - 1


def test_what_was_found_till_the_stop_is_told(desk: Desk) -> None:
    found = desk.ask(*[_model] * 3, answers(503))
    assert isinstance(desk.stopped_by, ServerBusyError)
    assert [(value.path, value.value) for value in found.values] == [
        ("/net", "100.00"),
        ("/tax", "19.00"),
        ("/parties/0", "Party1A"),
        ("/parties/1", "Party1B"),
        ("/parties/2", "Party2A"),
        ("/parties/3", "Party2B"),
        ("/parties/4", "Party3A"),
    ]
    assert found.unread == {"net", "tax", "gross", "parties", "seal"}
    # An attempt that comes no further has nothing new to tell, and keeps what there is.
    taken = desk.taken
    assert desk.ask(answers(503)).values == found.values
    assert desk.taken == taken
    assert len(desk.server.requests) == 5


def test_a_reply_that_was_no_good_is_paid_for_once_though_there_is_no_money_for_the_next(desk: Desk) -> None:
    """The room doubles, which the budget doesn't hold: each look sends nothing, until there is money."""
    undisturbed = desk.ask().values
    whole = len(desk.server.requests)
    desk.server.requests.clear()
    desk.forget()
    desk.purse.most = 4096
    for _ in range(3):
        found = desk.ask()
        assert isinstance(desk.stopped_by, BudgetSpentError)
        assert [value.value for value in found.values if value.path.startswith("/parties")][-1] == "Party4B"
    (turn,) = desk.taken
    asked = Question(first=4, last=5, fields=tuple(field.name for field in SCHEMA.fields))
    assert turn.progress.tried == Tried(question=asked, attempts=1, max_tokens=8192)
    assert len(desk.server.requests) == 7
    desk.purse.most = 10**9
    assert desk.ask().values == undisturbed
    assert len(desk.server.requests) == whole


def test_a_look_ahead_counts_what_is_left(desk: Desk) -> None:
    desk.names = ("small",)
    desk.ask(*[_model] * 6, answers(503))
    desk.ask()
    # 3.5 windows of two pages, 391 tokens each with 4,096 for a question; then two of 390. 4,096 for a reply.
    assert desk.purse.ahead == [
        (4096, "even the shortest call"),
        (19800, "the whole document"),
        (4096, "even the shortest call"),
        (13068, "the rest of the document"),
    ]


def test_what_an_engine_found_stays_when_it_is_no_longer_asked(desk: Desk) -> None:
    """The tenant's policy no longer names it: nobody knows what stands in the windows that it wasn't asked about."""
    found = desk.ask(*[_model] * 3, answers(503))
    desk.names = ()
    without = desk.ask()
    assert desk.stopped_by is None
    assert without == found
    assert without.doubtful(schema=SCHEMA)
    assert len(desk.server.requests) == 4
    # Another one is asked for all of it, and has the first one's answers to compare.
    desk.names = ("medium",)
    answered = desk.ask()
    assert {value.engine for value in answered.values} == {"sglang:small", "sglang:medium"}
    assert [value.value for value in answered.values if value.path.startswith("/parties")][-1] == "Party7B"
    assert answered.unread == frozenset()
    assert [turn.is_done for turn in desk.taken] == [False, True]


def test_an_answer_fits_what_was_asked_for_then(desk: Desk) -> None:
    """What is wanted beside it since wasn't asked for: nobody knows whether there is any."""
    engine = SglangEngine(profile=SMALL, client=desk.client, ledger=desk.purse)
    request = ExtractionRequest(document=DOCUMENT, schema=SCHEMA, wanted=frozenset({"net", "parties"}), pictures={})
    desk.server.faults = [_model, answers(503), *[_model] * 100]
    turns = Turns([engine])
    (turn,) = turns
    turn.extract(replace(request, wanted=frozenset({"net"})))
    (again,) = Turns([engine], taken=turns.taken)
    found = again.extract(request)
    assert ([value.path for value in found.values], found.unread) == (["/net"], frozenset({"parties"}))
    (told,) = Turns([], taken=turns.taken)
    assert told.extract(request).unread == {"net", "parties"}


def test_an_engine_that_answered_nothing_raises_what_stopped_it(desk: Desk) -> None:
    engine = SglangEngine(profile=SMALL, client=desk.client, ledger=desk.purse)
    request = ExtractionRequest(document=DOCUMENT, schema=SCHEMA, wanted=frozenset({"net"}), pictures={})
    desk.server.faults = [answers(503, Retry_After="7"), _model, answers(503, Retry_After="7")]
    with pytest.raises(ServerBusyError):
        engine.extract(request)
    with pytest.raises(StoppedError) as stopped:
        engine.extract(request)
    assert (stopped.value.code, stopped.value.retry_after) == ("model_busy", 7.0)
    assert isinstance(stopped.value.by, ServerBusyError)
    (answered,) = stopped.value.progress.answered
    assert (answered.question, [value.status for value in answered.values]) == (
        Question(first=1, last=2, fields=("net",)),
        [ValueStatus.NEEDS_REVIEW],
    )
