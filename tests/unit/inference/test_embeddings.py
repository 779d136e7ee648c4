"""The local model, for real."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from apps.inference.embeddings import DIMENSIONS, LocalEmbedder

MODEL = LocalEmbedder()


def test_vectors_have_unit_length_and_an_empty_text_has_none() -> None:
    vectors = MODEL.embed(["The contract ends in May.", "", "   ", "x"])
    assert vectors.shape == (4, DIMENSIONS)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), [1, 0, 0, 1], atol=1e-5)


def test_nothing_gives_nothing() -> None:
    assert MODEL.embed([]).shape == (0, DIMENSIONS)


def test_meaning_is_nearer_than_other_meaning() -> None:
    passages = MODEL.embed(
        [
            "Payment is due within thirty days of receipt of the invoice.",
            "Either party may end this agreement by written notice of three months.",
            "The pressure gauge is calibrated once a year.",
        ]
    )
    questions = MODEL.embed(
        ["When do I have to pay?", "How can the contract be terminated?", "instrument maintenance"], kind="query"
    )
    assert np.argmax(questions @ passages.T, axis=1).tolist() == [0, 1, 2]


def test_a_text_has_the_same_vector_in_any_company() -> None:
    texts = ["short", "a rather longer text about nothing much at all " * 5, "middling length of text"]
    together = MODEL.embed(texts)
    alone = np.vstack([MODEL.embed([text]) for text in texts])
    assert np.allclose((together * alone).sum(axis=1), 1, atol=5e-3)


def test_the_same_texts_have_the_same_vectors_from_many_threads_at_once() -> None:
    model = LocalEmbedder()
    texts = ["invoice number", "gross total", "date of delivery"]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: model.embed(texts), range(8)))
    assert all(np.array_equal(vectors, found[0]) for vectors in found)


def test_a_text_beyond_the_limit_is_cut() -> None:
    long = "word " * 5000
    assert np.allclose(MODEL.embed([long]), MODEL.embed(["word " * 300]), atol=1e-5)
