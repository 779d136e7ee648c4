"""How sure the model was of each value's characters."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.extraction.token_logprobs import Sureness, sureness
from apps.inference.replies import TokenLogprob

TEXT = '{"total":{"value":"12.50","quote":"Total 12.50"},"items":[{"name":"é"},null,["a"]]}'


def _tokens(*pairs: tuple[str, float]) -> list[TokenLogprob]:
    return [TokenLogprob(text, logprob) for text, logprob in pairs]


def test_tokens_are_counted_for_the_strings_that_they_stand_in() -> None:
    tokens = _tokens(
        ('{"total":{"value":', -9.0), ('"', -9.0), ("12", -0.5), (".5", -0.25), ('0","', -0.75), ('quote":"', -9.0),
        ("Total 12.50", -1.0), ('"},"items":[{"name":"', -9.0), ("é", -2.0), ('"},null,["a"]]}', -3.0), ("</s>", -9.0),
    )  # fmt: skip
    assert sureness(text=TEXT, tokens=tokens) == {
        "/total/value": Sureness(mean=-0.5, least=-0.75),
        "/total/quote": Sureness(mean=-1.0, least=-1.0),
        "/items/0/name": Sureness(mean=-2.0, least=-2.0),
        "/items/2/0": Sureness(mean=-3.0, least=-3.0),
    }


def test_a_character_in_parts_has_the_probability_of_each() -> None:
    tokens = _tokens(('{"a":"', 0.0), ("x", -0.5), ("\ufffd", -1.0), ("\ufffd", -3.0), ("y", -0.5), ('"}', 0.0))
    assert sureness(text='{"a":"xéy"}', tokens=tokens) == {"/a": Sureness(mean=-1.25, least=-3.0)}


def test_a_token_that_is_shown_without_its_space_is_found() -> None:
    tokens = _tokens(('{"a":', 0.0), ('"', 0.0), ("two", -1.0), ("words", -2.0), ('"}', 0.0))
    assert sureness(text='{"a": "two words"}', tokens=tokens) == {"/a": Sureness(mean=-1.5, least=-2.0)}


def test_what_stands_after_a_token_that_does_not_fit_is_not_known() -> None:
    text = '{"a":"x","b":"y"}'
    assert sureness(text=text, tokens=_tokens(('{"a":"', 0.0), ("x", -1.0), ('","b":"', 0.0), ("z", -1.0))) == {
        "/a": Sureness(mean=-1.0, least=-1.0)
    }
    assert sureness(text=text, tokens=_tokens(("</s>", 0.0))) == {}
    # A value whose last token is missing isn't known either.
    assert sureness(text='{"a":"xyz"}', tokens=_tokens(('{"a":"', 0.0), ("xy", -1.0))) == {}


@pytest.mark.parametrize("tokens", [None, ()])
def test_without_tokens_nothing_is_known(tokens: tuple[TokenLogprob, ...] | None) -> None:
    assert sureness(text=TEXT, tokens=tokens) == {}


@pytest.mark.parametrize("text", ["", "{", '{"a"', '{"a" 1}', "]", '{"a":}', '"', "{,}", '{"a":1,', "[[[", "{[}]"])
def test_what_is_no_json_is_no_error(text: str) -> None:
    assert sureness(text=text, tokens=_tokens((text, -1.0))) == {}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


def _strings(value: object, path: str = "") -> dict[str, str]:
    if isinstance(value, str):
        return {path: value}
    parts = (
        [(str(number), item) for number, item in enumerate(value)]
        if isinstance(value, list)
        else list(value.items())
        if isinstance(value, dict)
        else []
    )
    return {key: text for name, item in parts for key, text in _strings(item, f"{path}/{name}").items()}


@given(value=VALUES, compact=st.booleans(), plain=st.booleans(), cut=st.integers(1, 5))
def test_every_string_that_is_not_empty_is_found(value: object, compact: bool, plain: bool, cut: int) -> None:
    text = json.dumps(value, separators=(",", ":") if compact else None, ensure_ascii=plain)
    tokens = [TokenLogprob(text[start : start + cut], -1.0) for start in range(0, len(text), cut)]
    expected = {path for path, string in _strings(value).items() if string}
    assert set(sureness(text=text, tokens=tokens)) == expected
