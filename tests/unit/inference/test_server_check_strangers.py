"""What `quire models check` finds, word by word, of servers that aren't SGLang, and of those that answer badly."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from apps.inference.profiles import profile
from apps.inference.server_check import check_server
from apps.inference.server_findings import Finding, Status
from tests.faults.sglang_server import Fault, answers, completion, loopback_server, resets

REPLY = '{"answer":"green","sure":true,"digit":3}'
HTML = b"<html><h1>502 Bad Gateway</h1>\n</html>"
BLIND = "serve a model that takes pictures (SGLang: --enable-multimodal), or use a profile for text only"
COUNTS = "the server doesn't tell its context; the profile counts on 131,072 tokens"
SPACE = "this reply held none to spare; whether --constrained-json-disable-any-whitespace is set can't be seen"
OPEN = "the server asks for none: start it with one where others can reach it"

BEGINNING = [
    Finding(check="reachable", status=Status.OK, detail="the server answers"),
    Finding(check="key", status=Status.OK, detail=OPEN),
    Finding(check="model", status=Status.OK, detail="tiny"),
    Finding(check="context", status=Status.UNKNOWN, detail=COUNTS),
]
REPLIES = [
    Finding(check="structured output", status=Status.OK, detail="the reply obeys its schema"),
    Finding(check="white space", status=Status.UNKNOWN, detail=SPACE),
    Finding(check="usage", status=Status.OK, detail="900 of 1000 prompt tokens cached when asked again"),
]
QUEUE = Finding(check="queue", status=Status.UNKNOWN, detail="the server doesn't tell how it orders requests")
GOOD = answers(200, completion(REPLY))


def _findings(
    *, name: str, faults: Sequence[Fault] = (), key: str | None = None, model: str | None = None
) -> list[Finding]:
    with loopback_server() as server:
        server.reply = REPLY
        server.faults = list(faults)
        return list(check_server(url=server.url, profile=profile(name), api_key=key, model=model).findings)


def test_another_openai_server_serves_text() -> None:
    adapters = "none are seen; tenants with an adapter need --enable-lora"
    assert _findings(name="large") == [
        *BEGINNING,
        *REPLIES,
        Finding(check="pictures", status=Status.OK, detail="the profile sends text only"),
        QUEUE,
        Finding(check="adapters", status=Status.UNKNOWN, detail=adapters),
    ]


def test_a_text_only_model_does_not_serve_a_profile_with_pictures() -> None:
    refuses = answers(400, b'{"message": "no images here"}')
    detail = 'the server refuses one (400: {"message": "no images here"})'
    assert _findings(name="small", faults=[GOOD, GOOD, refuses]) == [
        *BEGINNING,
        *REPLIES,
        Finding(check="pictures", status=Status.FAILED, detail=detail, advice=BLIND),
        QUEUE,
    ]


def test_a_text_only_model_that_drops_pictures_is_found_by_their_cost() -> None:
    detail = "one is taken, but costs no tokens: the model doesn't see it"
    found = _findings(name="small")
    assert Finding(check="pictures", status=Status.FAILED, detail=detail, advice=BLIND) in found


def test_a_key_that_only_questions_need_is_refused_as_a_key() -> None:
    """SGLang's router lists its models to anybody."""
    with_none = "the server refuses requests without a key"
    assert _findings(name="small", faults=[answers(401, b"")]) == [
        BEGINNING[0],
        Finding(check="key", status=Status.FAILED, detail=with_none, advice="set QUIRE_INFERENCE_API_KEY"),
    ]
    assert _findings(name="small", faults=[answers(403, b"")], key="wrong") == [
        BEGINNING[0],
        Finding(check="key", status=Status.FAILED, detail="the server refuses the key", advice="check it"),
    ]


@pytest.mark.parametrize(
    ("without_key", "detail"),
    [(answers(401, b""), "accepted"), (GOOD, "the server answers without the key too: does it take any?")],
)
def test_a_key_is_accepted_where_nothing_is_answered_without_it(without_key: Fault, detail: str) -> None:
    found = _findings(name="small", faults=[GOOD, without_key], key="sesame")
    assert found[1] == Finding(check="key", status=Status.OK, detail=detail)


def test_a_model_that_is_not_there_ends_the_check() -> None:
    advice = "name one of these as QUIRE_INFERENCE_MODEL, or start the server with --served-model-name"
    detail = "there is no model 'grand'; there are: tiny"
    assert _findings(name="small", model="grand") == [
        BEGINNING[0],
        Finding(check="model", status=Status.FAILED, detail=detail, advice=advice),
    ]


@pytest.mark.parametrize(
    ("fault", "detail", "advice"),
    [
        (
            answers(502, HTML, kind="text/html"),
            "the server refuses it (502: <html><h1>502 Bad Gateway</h1> </html>)",
            "is the server busy? Ask again; its log says more",
        ),
        (
            answers(200, HTML, kind="text/html"),
            "the server refuses it (200: <html><h1>502 Bad Gateway</h1> </html>)",
            "the server's log says more",
        ),
        (
            answers(400, b'{"message": "no \x1b[31mschemas"}'),
            'the server refuses it (400: {"message": "no ?[31mschemas"})',
            "the server's log says more",
        ),
        (
            answers(200, completion('{"answer":', finish_reason="length")),
            "the reply ran to its limit instead of ending",
            "use a server that holds replies to a JSON schema (SGLang: --grammar-backend xgrammar)",
        ),
    ],
)  # fmt: skip
def test_an_answer_that_is_no_reply_is_said(fault: Fault, detail: str, advice: str) -> None:
    found = _findings(name="small", faults=[fault, fault])
    assert found[:4] == BEGINNING
    assert found[4] == Finding(check="structured output", status=Status.FAILED, detail=detail, advice=advice)


def test_a_connection_cut_in_an_answer_is_a_finding() -> None:
    found = _findings(name="large", faults=[GOOD, resets()])
    assert (found[4].check, found[4].status) == ("structured output", Status.FAILED)
    assert found[4].advice == "is the server busy? Ask again; its log says more"
