"""One piece of work, from the claim to the commit. What carries the hint calls this and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic, sleep
from typing import cast
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.utils.module_loading import import_string

from apps.common.clock import SYSTEM_CLOCK, Clock
from apps.common.errors import RetryableError, TerminalError
from apps.parsing.errors import Quarantined
from apps.pipeline import operations
from apps.pipeline.dispatcher import Kind
from apps.pipeline.stages import BY_NAME, Body, Claim, Outcome
from apps.pipeline.turns import claim_in_turn

log = structlog.get_logger(__name__)

# How often it is looked whether somebody cancelled the work.
CANCEL_SECONDS = 2.0
# A Postgres that was killed is back after some seconds, or after its recovery.
RECONNECT_SECONDS = (0.5, 2.0, 5.0, 10.0)


def work(*, tenant_id: UUID, stage_run_id: UUID, clock: Clock = SYSTEM_CLOCK) -> bool:
    """Claim, do and commit one piece of work. Returns whether there was anything to do.

    Whatever goes wrong is written down: nothing is raised, so no broker ever delivers it again on its own. Where the
    database is gone that can't be done either: the hint is in the outbox still, or the lease lapses, and the sweeper
    sends the work again.
    """
    return _work(
        lambda lease: operations.claim(tenant_id=tenant_id, stage_run_id=stage_run_id, lease_seconds=lease), clock=clock
    )


def work_in_turn(*, kinds: Sequence[Kind], clock: Clock = SYSTEM_CLOCK) -> bool:
    """Do what is due of these kinds, one piece, for the tenant whose turn it is. Else as `work`."""
    return _work(lambda lease: claim_in_turn(kinds=kinds, lease_seconds=lease), clock=clock)


def _work(claim: Callable[[float], Claim | None], *, clock: Clock) -> bool:
    lease = settings.QUIRE_LEASE_SECONDS
    try:
        held = claim(lease)
    except DatabaseError as gone:
        log.warning("not_claimed", error=type(gone).__name__)
        return False
    if held is None:
        return False
    tenant_id = held.tenant_id
    bound = {"stage": held.stage, "document_id": str(held.document_id), "attempt": held.attempt}
    stage = BY_NAME[held.stage]
    try:
        with _heartbeat(held=held, lease_seconds=lease) as lost:
            outcome = cast(Body, import_string(stage.body))(claim=held, clock=clock, cancelled=lost.is_set)
        if outcome.stopped_by is None:
            _commit(held=held, outcome=outcome, clock=clock)
        else:
            error = outcome.stopped_by
            log.warning("work_postponed", code=error.code, **bound)
            _settle(operations.postpone, tenant_id=tenant_id, held=held, error=error, outcome=outcome, clock=clock)
    except operations.LeaseLostError:
        log.info("lease_lost", **bound)
    except RetryableError as error:
        log.warning("work_postponed", code=error.code, **bound)
        _settle(operations.postpone, tenant_id=tenant_id, held=held, error=error, clock=clock)
    except TerminalError as error:
        log.info("work_failed", code=error.code, **bound)
        quarantine = isinstance(error, Quarantined)
        _settle(operations.fail, tenant_id=tenant_id, held=held, error=error, quarantine=quarantine, clock=clock)
    except Exception as error:  # noqa: BLE001 - a defect in a stage must end as the document's state, not as a lost task
        # Only the kind of the defect and its place: a message may quote the document.
        log.error("work_crashed", error=type(error).__name__, place=_place(error), **bound)  # noqa: TRY400
        wrapped = RetryableError(
            "something went wrong inside Quire; the administrator finds it in the log by this document's id",
            code="internal",
        )
        _settle(operations.postpone, tenant_id=tenant_id, held=held, error=wrapped, clock=clock)
    return True


def _commit(*, held: Claim, outcome: Outcome, clock: Clock) -> None:
    try:
        _written(operations.complete, tenant_id=held.tenant_id, held=held, outcome=outcome, clock=clock)
    except BaseException:
        if outcome.discard is not None:
            outcome.discard()
        raise


def _written(operation: Callable[..., None], **arguments: object) -> None:
    """Call an operation; where the connection broke, again on a new one: what took minutes shall not be done twice.

    Each is one transaction that its token guards, so that it may have been written by the call that broke.
    """
    for pause in (*RECONNECT_SECONDS, None):
        try:
            operation(**arguments)
        except (OperationalError, InterfaceError) as error:
            if pause is None:
                raise
            log.warning("database_gone", error=type(error).__name__, again_in_seconds=pause)
            connection.close()
            sleep(pause)
        else:
            return


def _settle(operation: Callable[..., None], **arguments: object) -> None:
    try:
        _written(operation, **arguments)
    except operations.LeaseLostError:
        log.info("lease_lost", stage_run_id=str(cast(Claim, arguments["held"]).stage_run_id))
    except DatabaseError as error:
        stage_run_id = str(cast(Claim, arguments["held"]).stage_run_id)
        log.warning("not_settled", stage_run_id=stage_run_id, error=type(error).__name__)


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    place = ""
    while trace is not None:
        code = trace.tb_frame.f_code
        place = f"{code.co_filename.rsplit('/', 2)[-1]}:{trace.tb_lineno} {code.co_name}"
        trace = trace.tb_next
    return place


@contextmanager
def _heartbeat(*, held: Claim, lease_seconds: float) -> Iterator[threading.Event]:
    """Renew the lease three times in its length, from a thread with a connection of its own.

    The event is set when the work is no longer ours: somebody cancelled it, or the lease lapsed. That is looked at
    every `CANCEL_SECONDS`, since a model server shall be told within five.
    """
    lost = threading.Event()
    finished = threading.Event()

    def beat() -> None:
        try:
            every = lease_seconds / 3
            renewed = monotonic()
            while not finished.wait(min(every, CANCEL_SECONDS)):
                try:
                    if monotonic() - renewed < every - CANCEL_SECONDS / 2:
                        holds = operations.holds(
                            tenant_id=held.tenant_id, stage_run_id=held.stage_run_id, token=held.token
                        )
                    else:
                        holds = operations.renew(
                            tenant_id=held.tenant_id,
                            stage_run_id=held.stage_run_id,
                            token=held.token,
                            lease_seconds=lease_seconds,
                        )
                        renewed = monotonic()
                except Exception as error:  # noqa: BLE001 - the next beat tries again; the token protects the commit
                    log.warning("heartbeat_failed", error=type(error).__name__)
                    connection.close()
                    continue
                if not holds:
                    lost.set()
                    return
        finally:
            connection.close()

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield lost
    finally:
        finished.set()
        thread.join()
