"""What people decide on a document's values."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from apps.common.clock import SYSTEM_CLOCK
from apps.common.errors import TerminalError
from apps.documents import queries as documents
from apps.documents.models import DocumentStatus
from apps.extraction.canonical import collapse
from apps.portal.access import MemberRequest, member_required
from apps.portal.presentation import ShownValue
from apps.portal.views.document import Refused, following, page_of, shown_results, work_on
from apps.results import operations
from apps.results import queries as results
from apps.results.decisions import WHOLE, BadDecisionError, NewDecision, Seen, StaleDecisionError, Verdict
from apps.tenants.models import Role

MAX_CHARACTERS = 10_000
MAX_WHO = 200


@require_POST
@member_required(Role.REVIEWER)
def decide(request: MemberRequest, document_id: UUID) -> HttpResponseBase:
    """Take a decision on one value, or accept all that are to be checked; goes on to the next one.

    A decision that can't be taken brings the page again with the reason and with what was typed.
    """
    tenant_id = request.member.tenant_id
    document = documents.document(tenant_id=tenant_id, document_id=document_id)
    if document is None:
        raise Http404
    found = results.results_of(tenant_id=tenant_id, document_id=document_id)
    shown = shown_results(tenant_id=tenant_id, found=found)
    everything = [one for result in shown for one in result.all]
    wanted = request.POST.get("value", "")
    typed = collapse(request.POST.get("right", ""))
    try:
        if request.POST.get("all"):
            chosen = None
            taken = _all(everything, seen=request.POST.get("version", ""), version=document.updated_at.isoformat())
        else:
            chosen = next((one for one in everything if one.key == wanted), None)
            taken = [_one(request, chosen, typed=typed)]
        status = operations.decide(
            tenant_id=tenant_id,
            document_id=document_id,
            decisions=taken,
            decided_by=f"user {request.user.email}"[:MAX_WHO],
            clock=SYSTEM_CLOCK,
        )
    except TerminalError as error:
        words = error.message.removeprefix(f"{chosen.path}: ") if chosen else error.message
        refused = Refused(message=words[:1].upper() + words[1:], typed=typed)
        work = work_on(tenant_id=tenant_id, document=document)
        return page_of(request, document, work=work, wanted=wanted, refused=refused)
    decided = {f"{decision.schema}{decision.path}" for decision in taken}
    left = [one for one in everything if one.open and one.key not in decided]
    messages.success(request, f"{_said(taken, chosen)} {_left(len(left), status=status)}")
    onward = (following(left, everything, after=chosen) if left else chosen) or chosen
    query = {"value": onward.key} if onward else {}
    if request.POST.get("from", "1") != "1":
        query["from"] = request.POST["from"][:7]
    address = reverse("portal:document", args=[document_id])
    return redirect(f"{address}?{urlencode(query)}#decide" if query else address)


def _one(request: MemberRequest, chosen: ShownValue | None, *, typed: str) -> NewDecision:
    """Return the decision that the form holds.

    Raises StaleDecisionError where its value is gone, BadDecisionError where the right one is too long: none is cut.
    """
    verdict = request.POST.get("verdict", "")
    if request.POST.get("lit", request.POST.get("value")) != request.POST.get("value"):
        raise StaleDecisionError(_("another value was chosen meanwhile: look at it, then decide"))
    if chosen is None or verdict not in set(Verdict):
        raise StaleDecisionError(_("this has changed since you saw it: look at it again, then decide"))
    if verdict == Verdict.CORRECT and len(typed) > MAX_CHARACTERS:
        raise BadDecisionError(
            _("the right value has %(typed)d characters, and at most %(most)d can be kept: shorten it")
            % {"typed": len(typed), "most": MAX_CHARACTERS}
        )
    return NewDecision(
        path=chosen.path,
        schema=chosen.schema_slug,
        verdict=Verdict(verdict),
        value=typed if verdict == Verdict.CORRECT else None,
        seen=_seen(request.POST.get("seen", "")),
    )


def _seen(text: str) -> Seen:
    result_id, _blank, turn = text.partition(" ")
    try:
        return Seen(result_id=UUID(result_id), turn=int(turn[:9]))
    except ValueError:
        raise StaleDecisionError(_("this has changed since you saw it: look at it again, then decide")) from None


def _all(everything: Sequence[ShownValue], *, seen: str, version: str) -> list[NewDecision]:
    """Accept what is to be checked; where no value is, the document as it stands.

    Raises StaleDecisionError where the document isn't the one that the person saw.
    """
    if seen != version:
        raise StaleDecisionError(_("the document has changed since you saw it: look at it again, then decide"))
    accepted = [
        NewDecision(path=one.path, schema=one.schema_slug, verdict=Verdict.ACCEPT, seen=_seen(one.seen))
        for one in everything
        if one.open and one.value
    ]
    return accepted or [NewDecision(path=WHOLE, verdict=Verdict.ACCEPT)]


def _said(taken: Sequence[NewDecision], chosen: ShownValue | None) -> str:
    if chosen is None:
        if taken[0].path == WHOLE:
            return _("The document is accepted as it stands.")
        n = len(taken)
        return ngettext("%(n)d value accepted.", "%(n)d values accepted.", n) % {"n": n}
    title = f"{chosen.place}, {chosen.title}" if chosen.place else chosen.title
    (decision,) = taken
    words = {
        Verdict.ACCEPT: _("%(title)s is accepted."),
        Verdict.CORRECT: _("%(title)s is corrected to %(value)s."),
        Verdict.REJECT: _("%(title)s is rejected."),
    }
    return words[decision.verdict] % {"title": title, "value": (decision.value or "")[:200]}


def _left(count: int, *, status: DocumentStatus) -> str:
    if count:
        return ngettext("%(n)d is left to check.", "%(n)d are left to check.", count) % {"n": count}
    return _("The document is done.") if status is DocumentStatus.DONE else ""
