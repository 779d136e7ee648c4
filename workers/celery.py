"""The Celery application: how hints travel. Nothing that matters is in it: Postgres holds the truth."""

from __future__ import annotations

import os
import sys
import threading

# Before a numerical library is loaded: one would start a thread a core in every process of a pool.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "apps.config.settings.prod")

import django
from celery import Celery
from celery.signals import celeryd_after_setup, worker_process_init, worker_ready
from celery.worker import WorkController
from django.conf import settings
from django.utils.module_loading import import_string
from kombu.entity import Queue

django.setup()

from apps.pipeline.bodies.opening import warm  # noqa: E402 - the models need Django to be set up
from apps.pipeline.stages import STAGES  # noqa: E402
from workers import broker  # noqa: E402

QUEUES = tuple(sorted({stage.queue for stage in STAGES}))

broker.install()
app = Celery("quire", broker=settings.QUIRE_REDIS_URL, include=["workers.tasks"])
app.conf.update(
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=False,  # the lease lapses and the sweeper sends the work again
    task_default_queue=QUEUES[0],
    task_queues=[Queue(name) for name in QUEUES],  # type: ignore[no-untyped-call]
    task_create_missing_queues=False,
    task_serializer="json",
    accept_content=["json"],
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_max_tasks_per_child=2000,
    worker_send_task_events=False,
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        # A list for each step; see dispatch.priority_of.
        "priority_steps": [0, 3, 4, 5, 6, 7, 9],
        "queue_order_strategy": "priority",
        "visibility_timeout": 3600,
        "socket_timeout": 10,
        "socket_connect_timeout": 5,
    },
)
# A connection is kept for so many tasks; Celery otherwise closes it, and signs in again, for every one.
app.conf["CELERY_DB_REUSE_MAX"] = 500


@celeryd_after_setup.connect  # type: ignore[untyped-decorator]
def _preload(instance: WorkController, **_: object) -> None:
    """Load what the worker's stages need, before its pool forks: the first documents don't wait, all share one copy."""
    queues = instance.app.amqp.queues.consume_from
    for path in {stage.preload for stage in STAGES if stage.preload and stage.queue in queues}:
        import_string(path)()


@worker_ready.connect  # type: ignore[untyped-decorator]
def _say(**_: object) -> None:
    """Tell whoever started the worker, whatever the log level hides."""
    sys.stderr.write("worker takes work\n")
    sys.stderr.flush()


@worker_process_init.connect  # type: ignore[untyped-decorator]
def _warm(**_: object) -> None:
    """Start the process's sandbox beside its first work: Celery gives up on a process that takes 4 s to come up.

    What works yields to others, if the settings say so; what starts doesn't, or a busy machine would wait for it long.
    """
    os.nice(settings.QUIRE_WORKER_NICENESS)
    threading.Thread(target=warm, name="warm", daemon=True).start()
