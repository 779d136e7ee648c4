"""Embeddings of a real SGLang server with `--is-embedding`."""

from __future__ import annotations

import os

import numpy as np
import pytest

from apps.inference.embeddings import BATCH, DIMENSIONS, EmbeddingsRefusedError, RemoteEmbedder

URL = os.environ.get("QUIRE_TEST_EMBEDDINGS_URL", "")
MODEL = os.environ.get("QUIRE_TEST_EMBEDDINGS_MODEL", "default")
KEY = os.environ.get("QUIRE_TEST_INFERENCE_KEY")

pytestmark = [
    pytest.mark.sglang,
    pytest.mark.skipif(not URL, reason="QUIRE_TEST_EMBEDDINGS_URL names no embedding server"),
    pytest.mark.timeout(300),
]


def _embedder(key: str | None = KEY) -> RemoteEmbedder:
    return RemoteEmbedder(url=URL, model=MODEL, api_key=key)


def test_texts_become_vectors_in_their_order() -> None:
    texts = [f"Invoice number {number}" for number in range(BATCH + 2)]
    together = _embedder().embed([*texts[:3], "", *texts[3:]])
    assert together.shape == (BATCH + 3, DIMENSIONS)
    assert np.linalg.norm(np.delete(together, 3, axis=0), axis=1) == pytest.approx(np.ones(BATCH + 2), abs=1e-5)
    assert not together[3].any()
    # Each is nearer to what the same text gives alone than any other: batches aren't mixed up.
    alone = np.vstack([_embedder().embed([text]) for text in texts])
    nearest = (np.delete(together, 3, axis=0) @ alone.T).argmax(axis=1)
    assert nearest.tolist() == list(range(BATCH + 2))


def test_the_same_text_has_the_same_vector() -> None:
    one, other = _embedder().embed(["Total due: 12.50 EUR", "Total due: 12.50 EUR"])
    assert one @ other == pytest.approx(1.0, abs=1e-2)


def test_a_stranger_is_refused() -> None:
    if not KEY:
        pytest.skip("QUIRE_TEST_INFERENCE_KEY names no key, so the server takes everybody")
    with pytest.raises(EmbeddingsRefusedError):
        _embedder("not-the-key").embed(["one"])
