"""Whether prompts are as long as was counted before they were sent: where not, the log says so, in numbers alone.

What was counted stands beside the server's own count in the ledger, call by call. A budget, the admission and the room
for a reply go by what was counted.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic

import structlog

# Counted by the model's own tokenizer, a prompt should be equal to the token.
EXACT_SHARE = 0.01
# An estimate is meant to be too high, by any amount; too low is what does harm.
ESTIMATE_SHARE = 0.1
# So many tokens are never worth a word: a chat template may differ by its marks.
FEW = 32
# What is said once isn't said again for so many seconds, by the same process about the same model.
QUIET_SECONDS = 3600.0

log = structlog.get_logger(__name__)


class PredictionWatch:
    """Compares, and warns once in a while for each engine and model. Threads may share it."""

    def __init__(self, *, now: Callable[[], float] = monotonic) -> None:
        """`now` gives seconds that only grow."""
        self._now = now
        self._lock = threading.Lock()
        self._said: dict[tuple[str, str], float] = {}

    def compare(self, *, engine: str, model: str, predicted: int, counted: int, is_exact: bool) -> None:
        """Look at one answered call: tokens as they were `predicted`, and as the server `counted` them."""
        if not is_off(predicted=predicted, counted=counted, is_exact=is_exact):
            return
        with self._lock:
            now = self._now()
            last = self._said.get((engine, model))
            if last is not None and now - last < QUIET_SECONDS:
                return
            self._said[engine, model] = now
        log.warning(
            "prompt_tokens_mispredicted",
            engine=engine,
            model=model,
            predicted=predicted,
            counted=counted,
            off_by=counted - predicted,
        )


def is_off(*, predicted: int, counted: int, is_exact: bool) -> bool:
    """Say whether a prediction is off by more than FEW tokens and more than its share of the server's count."""
    off = abs(counted - predicted) if is_exact else counted - predicted
    return off > FEW and off > counted * (EXACT_SHARE if is_exact else ESTIMATE_SHARE)


WATCH = PredictionWatch()
