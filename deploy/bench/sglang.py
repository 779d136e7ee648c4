"""What a real SGLang server counts and what it reuses, against what was predicted: needs the servers of `make sglang`.

The vision model there has Mistral's own Tekken vocabulary and picture rule, and random weights: what it says is
nonsense, what it counts is not. Each prompt is asked for one token.

Tokens: prompts of texts in several languages and pictures of many sizes, as the engine sends them. A prediction
counts where the server's `prompt_tokens` and mistral-common's own encoding of the same request both equal it.

Reuse: questions on one document, one after the other, after one on another document. Each can find at most the tokens
that it begins with in common with an earlier one, in whole pages of the server's cache: the first the system's words,
the others the document. The ceiling is the sum of those over the sum of all prompts. Beside it the same with the
question before the document.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import httpx
from mistral_common.tokens.tokenizers import image
from mistral_common.tokens.tokenizers.tekken import Tekkenizer

from apps.extraction.prompt import SYSTEM
from apps.inference.client import SglangClient
from apps.inference.errors import TruncatedReplyError
from apps.inference.ledger import Usage
from apps.inference.profiles import profile
from apps.inference.tokens import counter, data_file
from deploy.bench.measurement import Measurement, measurement
from deploy.bench.mistral_reference import encoded, messages, picture, reference, unscaled
from deploy.bench.truth import documents
from deploy.sglang.cpu.servers import read_servers

PROMPTS = 200
QUESTIONS = 8
DOCUMENT_TOKENS = 8_500
_SHORT = 1_200
_LANGUAGES = (
    "发票号码 合计金额 開立發票",
    "Số hoá đơn và tổng cộng",
    "رقم الفاتورة والمبلغ الإجمالي",
    "Número da fatura, valor líquido: 1.234,50 €",
    "Faktúra číslo, dátum splatnosti, čiastka",
    "請求書番号 合計 ¥12,345",
    "\N{GRINNING FACE} fi \N{LATIN SMALL LIGATURE FI}\t\ta    b\n\n\n",
)
_SIDES = (1, 27, 28, 29, 56, 140, 333, 392, 700, 701)


def measure() -> list[Measurement]:
    """Return the share of right predictions, and the share of reused tokens; nothing where no server runs."""
    servers = read_servers()
    if servers is None:
        print("sglang: no server runs, nothing is measured; `make sglang` starts one")  # noqa: T201 - the bench's output
        return []
    url = servers.servers["vision"].url
    client = SglangClient(base_url=url, api_key=servers.api_key)
    try:
        return [_predicted(client), *_reused(client, page=_cache_page(url, servers.api_key))]
    finally:
        client.close()


def _predicted(client: SglangClient) -> Measurement:
    image.transform_image = unscaled
    small = counter(profile("small"))
    assert small is not None
    draw = random.Random(11)  # noqa: S311 - the same prompts each time
    texts = [*_LANGUAGES, *_pages()]
    equal = 0
    for number in range(PROMPTS):
        asked = messages(list(_mixed(draw, texts, big=number % 25 == 0)))
        equal += small.request(asked) == encoded(reference(), asked) == _asked(client, asked).prompt_tokens
    return measurement(
        name=f"prompt tokens predicted as the server and mistral-common count them, of {PROMPTS}",
        ours=equal,
        baseline=PROMPTS,
        baseline_name="all",
        target=1.0,
    )


def _mixed(draw: random.Random, texts: Sequence[str], *, big: bool) -> Iterator[dict[str, Any]]:
    """Yield one to four texts, some with a picture behind, and a question; `big`: one as large as pages' are."""
    for position in range(draw.randint(1, 4)):
        text = draw.choice(texts)
        start = draw.randrange(max(1, len(text) - _SHORT))
        yield {"type": "text", "text": text[start : start + draw.randint(1, _SHORT)]}
        if big and position == 0:
            yield picture(*draw.choice(((1092, 1540), (1540, 1092), (2000, 700))))
        elif draw.random() < 0.5:
            yield picture(draw.choice(_SIDES), draw.choice(_SIDES))
    yield {"type": "text", "text": "Give these values:\n- total: Total"}


def _reused(client: SglangClient, *, page: int) -> Iterator[Measurement]:
    questions = [f"Give this value:\n- field_{number}: {number}. What is its {number}?" for number in range(QUESTIONS)]
    shares = {}
    for question_first in (False, True):
        other, paper = _paper(), _paper()
        asked = [(other, "Give nothing."), *((paper, question) for question in questions)]
        prompts = [texts[::-1] if question_first else texts for texts in asked]
        usages = [_asked(client, messages([{"type": "text", "text": text} for text in texts])) for texts in prompts]
        del usages[0]
        total = sum(usage.prompt_tokens for usage in usages)
        shares[question_first] = sum(usage.cached_tokens for usage in usages) / total
        if not question_first:
            ceiling = _ceiling(["\n\n".join(texts) for texts in prompts], page=page) / total
    name = f"prompt tokens reused over {QUESTIONS} questions on a document of {DOCUMENT_TOKENS:,} tokens"
    yield measurement(
        name=name,
        ours=shares[False],
        baseline=ceiling,
        baseline_name="the ceiling that arithmetic gives",
        target=0.98,
    )
    yield measurement(
        name=name, ours=shares[False], baseline=max(shares[True], 1e-6), baseline_name="question first", target=1.0
    )


def _ceiling(texts: Sequence[str], *, page: int) -> int:
    vocabulary = Tekkenizer.from_file(data_file("tekken_240911.json"))
    # <s>, the system's words between their marks, [INST]
    frame = 4 + len(vocabulary.encode(SYSTEM, bos=False, eos=False))
    asked: list[list[int]] = []
    found = 0
    for text in texts:
        tokens = vocabulary.encode(text, bos=False, eos=False)
        if asked:
            found += (frame + max(_in_common(tokens, before) for before in asked)) // page * page
        asked.append(tokens)
    return found


def _in_common(one: Sequence[int], other: Sequence[int]) -> int:
    return next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


def _paper() -> str:
    """Return a text of so many tokens, like no other in the server's cache."""
    small = counter(profile("small"))
    assert small is not None
    words = [f"<page 1 {secrets.token_hex(8)}>"]
    pages = iter(_pages())
    while small.text("\n".join(words)) < DOCUMENT_TOKENS:
        words.append(next(pages, " ".join(_LANGUAGES)))
    return "\n".join(words)


def _pages() -> Iterator[str]:
    for _, document in islice(documents(e_invoices=True), 40):
        yield from (page.text for page in document.pages if page.text)


def _asked(client: SglangClient, sent: Sequence[Mapping[str, Any]]) -> Usage:
    """Return what a prompt used; one token of a reply is never a whole one."""
    try:
        return client.complete(messages=sent, schema={"type": "integer"}, max_tokens=1).usage
    except TruncatedReplyError as cut:
        return cut.usage


def _cache_page(url: str, key: str) -> int:
    """Return how many tokens a page of the server's cache holds: it finds whole pages only."""
    answer = httpx.get(f"{url}/server_info", headers={"authorization": f"Bearer {key}"}, timeout=60)
    return int(answer.raise_for_status().json().get("page_size") or 1)
