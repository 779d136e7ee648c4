"""A prompt that the server counts otherwise than it was counted here is said in the log, once in a while."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from apps.inference.predictions import QUIET_SECONDS, PredictionWatch, is_off


@pytest.mark.parametrize(
    ("predicted", "counted", "is_exact", "off"),
    [
        (1000, 1000, True, False),
        # More than 32 tokens, and more than a hundredth of the server's count.
        (1000, 1032, True, False),
        (1000, 1033, True, True),
        (1033, 1000, True, True),
        (100_000, 101_000, True, False),
        (100_000, 101_011, True, True),
        # An estimate may be too high, not too low by more than a tenth.
        (5000, 1000, False, False),
        (900, 1000, False, False),
        (899, 1000, False, True),
        (10, 42, False, False),
    ],
)
def test_how_far_a_prediction_may_be_off(predicted: int, counted: int, is_exact: bool, off: bool) -> None:
    assert is_off(predicted=predicted, counted=counted, is_exact=is_exact) is off


def test_it_is_said_once_an_hour_for_each_model() -> None:
    now = [0.0]
    watch = PredictionWatch(now=lambda: now[0])

    def compare(model: str, counted: int = 2000) -> None:
        watch.compare(engine="sglang:small", model=model, predicted=1000, counted=counted, is_exact=True)

    with capture_logs() as said:
        compare("one", counted=1000)
        compare("one")
        compare("one", counted=3000)
        compare("other")
        now[0] = QUIET_SECONDS - 1
        compare("one")
        now[0] = QUIET_SECONDS
        compare("one", counted=4000)
    assert said == [
        {
            "event": "prompt_tokens_mispredicted",
            "log_level": "warning",
            "engine": "sglang:small",
            "model": model,
            "predicted": 1000,
            "counted": counted,
            "off_by": counted - 1000,
        }
        for model, counted in (("one", 2000), ("other", 2000), ("one", 4000))
    ]
