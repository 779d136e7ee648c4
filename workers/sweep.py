"""The sweeper, a process of its own: `python -m workers.sweep`. Any number may run; one at a time works."""

from __future__ import annotations

import os
import signal
import threading
from datetime import timedelta
from types import FrameType

import django
import structlog

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "apps.config.settings.prod")


def main() -> None:
    """Sweep until SIGTERM or SIGINT."""
    django.setup()
    from django.conf import settings  # noqa: PLC0415 - Django has to be set up first
    from django.db import Error, connection  # noqa: PLC0415

    from apps.common.clock import SYSTEM_CLOCK  # noqa: PLC0415
    from apps.common.errors import RetryableError  # noqa: PLC0415
    from apps.inference.lost_calls import book_lost_calls  # noqa: PLC0415
    from apps.pipeline.dispatcher import dispatcher  # noqa: PLC0415
    from apps.pipeline.remains import remove_remains  # noqa: PLC0415
    from apps.pipeline.sweeping import only_sweeper, sweep  # noqa: PLC0415

    log = structlog.get_logger(__name__)
    stop = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    grace = timedelta(seconds=settings.QUIRE_SWEEP_SECONDS)
    while not stop.is_set():
        try:
            with only_sweeper() as held:
                while held and not stop.is_set():
                    done = sweep(dispatcher=dispatcher(), grace=grace, clock=SYSTEM_CLOCK)
                    remove_remains(grace=timedelta(seconds=settings.QUIRE_LEASE_SECONDS))
                    lost = book_lost_calls(clock=SYSTEM_CLOCK)
                    if lost:
                        log.warning("lost_calls_booked", calls=lost)
                    if done.recovered or done.resent:
                        log.info("swept", recovered=done.recovered, resent=done.resent)
                    stop.wait(settings.QUIRE_SWEEP_SECONDS)
        except (Error, RetryableError) as error:
            # Postgres or the broker went away: the lock went with the connection; begin again.
            log.warning("sweep_interrupted", error=type(error).__name__)
            connection.close()
        stop.wait(settings.QUIRE_SWEEP_SECONDS)


if __name__ == "__main__":
    main()
