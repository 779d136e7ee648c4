"""What a refusal means for the document and for the server: whose fault it is, and whether it is worth coming back."""

from __future__ import annotations

import pytest

from apps.inference.admission import Ending, ending_of
from apps.inference.refusals import CONNECTING_SECONDS, refusal
from tests.faults.sglang_server import ROUTER_HAS_NOBODY, ROUTER_REACHES_NOBODY

REACHES_NOBODY, HAS_NOBODY = ROUTER_REACHES_NOBODY.decode(), ROUTER_HAS_NOBODY.decode()
CUT_BODY = '{"error":{"code":"read_response_body_failed","message":"Failed to get response body"}}'


@pytest.mark.parametrize(
    ("status", "said", "seconds", "code", "ending"),
    [
        (500, "oops", 0.0, "model_broken", Ending.FAILED),
        (500, REACHES_NOBODY, 0.0, "model_unreachable", Ending.GONE),
        (500, REACHES_NOBODY, CONNECTING_SECONDS, "model_unreachable", Ending.GONE),
        # It took the request and hung up, perhaps because of it: that counts.
        (500, REACHES_NOBODY, CONNECTING_SECONDS + 0.1, "model_hung_up", Ending.GONE),
        (500, CUT_BODY, 0.0, "model_hung_up", Ending.GONE),
        (502, "<html>Bad Gateway</html>", 0.0, "model_unreachable", Ending.GONE),
        (502, "<html>Bad Gateway</html>", 60.0, "model_hung_up", Ending.GONE),
        (503, HAS_NOBODY, 0.0, "model_unreachable", Ending.GONE),
        (503, "no healthy upstream", 0.0, "model_unreachable", Ending.GONE),
        (503, "The request queue is full.", 0.0, "model_busy", Ending.REFUSED),
        (429, "", 0.0, "model_busy", Ending.REFUSED),
        (408, "", 0.0, "model_timeout", Ending.TIMED_OUT),
        (504, "<html>Gateway Time-out</html>", 60.0, "model_timeout", Ending.TIMED_OUT),
        # A request that quotes such words is no router's.
        (400, f"bad schema: {REACHES_NOBODY}", 0.0, "model_refused", Ending.FAILED),
    ],
)
def test_what_a_status_says_of_the_server(status: int, said: str, seconds: float, code: str, ending: Ending) -> None:
    error = refusal(status=status, said=said, retry_after=None, seconds=seconds)
    assert (error.code, ending_of(error)) == (code, ending)
