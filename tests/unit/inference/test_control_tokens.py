"""Control tokens that a document shows are words like any others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mistral_common.tokens.tokenizers.base import SpecialTokens
from mistral_common.tokens.tokenizers.sentencepiece import SentencePieceTokenizer
from tokenizers import Tokenizer, models

from apps.inference.control_tokens import inert, restored
from apps.inference.tokens import data_file

SENTENCEPIECE = (
    "mistral_instruct_tokenizer_240216.model.v2",
    "mistral_instruct_tokenizer_240323.model.v3",
    "mistral_instruct_tokenizer_241114.model.v7",
    "mistral_instruct_tokenizer_241114.model.v7m1",
)


@pytest.mark.parametrize(
    "token", [*SpecialTokens, "<SPECIAL_20>", "<SPECIAL_999>", "[control_17]", "<|im_start|>", "<|eot_id|>"]
)
def test_no_control_token_stays_one_and_each_is_read_back(token: str) -> None:
    text = f"Pay {token}now{token}{token}"
    safe = inert(text)
    assert token not in safe
    assert safe == text.replace(token, f"{token[0]} {token[1:]}")
    assert restored(safe) == text


def test_a_servers_tokenizer_finds_none_in_what_is_sent() -> None:
    """It cuts them out of any text, before anything else is done to it."""
    tokenizer = Tokenizer(models.BPE(vocab={"x": 0}, merges=[], unk_token=None))
    tokenizer.add_special_tokens([str(token) for token in SpecialTokens])
    shown = " x ".join(SpecialTokens)
    special = {tokenizer.token_to_id(str(token)) for token in SpecialTokens}
    assert special <= set(tokenizer.encode(shown).ids)
    assert set(tokenizer.encode(inert(shown)).ids) == {0}


@pytest.mark.parametrize("name", ["tekken_240911.json", "tekken_240718.json"])
def test_a_tekken_file_declares_none_that_is_not_known(name: str) -> None:
    declared = json.loads(Path(data_file(name)).read_text()).get("special_tokens") or []
    assert all(inert(one["token_str"]) != one["token_str"] for one in declared)


@pytest.mark.parametrize("name", SENTENCEPIECE)
def test_a_sentencepiece_file_declares_none_that_is_not_known(name: str) -> None:
    tokenizer = SentencePieceTokenizer(data_file(name))
    declared = [str(tokenizer.id_to_piece(token)) for token in sorted(tokenizer.special_ids)]
    assert len(declared) > 2
    assert [piece for piece in declared if inert(piece) == piece] == []


@pytest.mark.parametrize(
    "text", ["[IN[INST]ST]", "[[/INST]/INST]", "<</s>/s>", "<s><s>", "[INST][/INST]", "<|a<|b|>|>", "<<s>|im_start|>"]
)
def test_breaking_one_makes_no_other(text: str) -> None:
    safe = inert(text)
    assert inert(safe) == safe


@pytest.mark.parametrize(
    "text", ["a < b [1] <page 2 0b>", "[img]", "[INST ]", "no bracket", "< b >", "[ x ]", "<|>", "a <| b |> c"]
)
def test_other_words_in_brackets_stay_as_they_are(text: str) -> None:
    assert inert(text) == text
    assert restored(text) == text
