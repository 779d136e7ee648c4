"""Who may read the counters."""

from __future__ import annotations

from django.test import Client, override_settings

METRICS = Client(SERVER_NAME="127.0.0.1")


def test_without_a_token_only_this_machine_reads_them() -> None:
    assert METRICS.get("/metrics").status_code == 200
    assert METRICS.get("/metrics", REMOTE_ADDR="192.0.2.7").status_code == 401
    assert METRICS.get("/metrics", headers={"x-forwarded-for": "192.0.2.7"}).status_code == 401


@override_settings(QUIRE_METRICS_TOKEN="a-token")
def test_with_a_token_who_has_it_reads_them() -> None:
    assert METRICS.get("/metrics").status_code == 401
    assert METRICS.get("/metrics", headers={"authorization": "Bearer another"}).status_code == 401
    answer = METRICS.get("/metrics", REMOTE_ADDR="192.0.2.7", headers={"authorization": "Bearer a-token"})
    assert answer.status_code == 200
    assert b"python_info" in answer.content
