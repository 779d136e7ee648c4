"""One task a stage. A task is a hint: it does a piece of what is due, if there still is any."""

from __future__ import annotations

from django.utils.module_loading import import_string

from apps.pipeline.dispatcher import Kind
from apps.pipeline.stages import STAGES
from apps.pipeline.worker import work_in_turn
from workers.celery import app
from workers.lists import together_with


def task_name(stage: str) -> str:
    """Return the name that a stage's hints go by."""
    return f"quire.{stage}"


def _register(stage: str) -> None:
    @app.task(name=task_name(stage), ignore_result=True)  # type: ignore[untyped-decorator]
    def run(*, lane: str, further: bool) -> None:
        work_in_turn(kinds=together_with(Kind(stage=stage, lane=lane, further=further)))


for _stage in STAGES:
    import_string(_stage.body)  # before the pool forks, so that its processes share what is loaded
    _register(_stage.name)
