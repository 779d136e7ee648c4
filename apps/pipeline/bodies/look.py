"""A value that no reader of the page sees is not accepted: it was put there to be read by machines alone."""

from __future__ import annotations

from collections.abc import Callable

from apps.common.clock import Clock
from apps.extraction import notes
from apps.extraction.values import ValueStatus
from apps.parsing import sniff
from apps.parsing.errors import Quarantined
from apps.pipeline.bodies.opening import opened, sandbox
from apps.pipeline.operations import LeaseLostError
from apps.pipeline.stages import Claim, Outcome
from apps.results import operations as results
from apps.results import queries as stored_results

# Their words were read from what is seen.
_SEEN_ALREADY = frozenset({sniff.PNG, sniff.JPEG, sniff.TIFF})
_LOCKED = frozenset({"encrypted", "wrong_password"})


def look(*, claim: Claim, clock: Clock, cancelled: Callable[[], bool]) -> Outcome:  # noqa: ARG001 - the stages' shape
    """Look at the page where each accepted value stands; what can't be seen there goes to review.

    So do all of them where the document is locked: it was read while its password was at hand, which is erased at the
    document's end, and another schema came without it.
    """
    tenant_id = claim.tenant_id
    result = stored_results.result_of_run(tenant_id=tenant_id, run_id=claim.run_id)
    accepted = [value for value in result.values if value.status is ValueStatus.ACCEPTED] if result else []
    places = [(value.id, place.page, place.box) for value in accepted for place in value.evidence]
    if result is None or not places:
        return Outcome()
    locked = False
    seen: tuple[bool, ...] = (False,) * len(places)

    def go_on() -> None:
        if cancelled():
            raise LeaseLostError

    with opened(claim=claim) as document:
        if document.media_type in _SEEN_ALREADY:
            return Outcome()
        try:
            seen = sandbox().look(
                path=document.path,
                media_type=document.media_type,
                password=document.password,
                places=[(page, box) for _, page, box in places],
                between=go_on,
            )
        except Quarantined as error:
            if error.code not in _LOCKED:
                raise
            locked = True
    go_on()
    hidden = {value_id for (value_id, _, _), visible in zip(places, seen, strict=True) if not visible}
    if not hidden:
        return Outcome()
    note = notes.LOCKED if locked else notes.hidden(sorted(value.path for value in accepted if value.id in hidden))

    def store() -> None:
        results.doubt(tenant_id=tenant_id, result_id=result.id, value_ids=hidden, note=note)

    return Outcome(store=store, doubtful=True)
