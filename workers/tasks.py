"""One task a stage. A task is a hint: it claims the work, if it is still there to be claimed."""

from __future__ import annotations

from uuid import UUID

from django.utils.module_loading import import_string

from apps.pipeline.stages import STAGES
from apps.pipeline.worker import work
from workers.celery import app


def task_name(stage: str) -> str:
    """Return the name that a stage's hints go by."""
    return f"quire.{stage}"


def _register(stage: str) -> None:
    @app.task(name=task_name(stage), ignore_result=True)  # type: ignore[untyped-decorator]
    def run(tenant_id: str, stage_run_id: str) -> None:
        work(tenant_id=UUID(tenant_id), stage_run_id=UUID(stage_run_id))


for _stage in STAGES:
    import_string(_stage.body)  # before the pool forks, so that its processes share what is loaded
    _register(_stage.name)
