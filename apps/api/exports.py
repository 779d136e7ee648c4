"""Exports over REST: feeds as files, sent while they are read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header
from ninja import Router

from apps.api.auth import AuthenticatedRequest
from apps.api.openapi import file_of
from apps.api.problems import Problem
from apps.exports.csv import stream_csv
from apps.exports.feeds import Format, UnknownFeedError, find_feed
from apps.exports.parquet import stream_parquet

router = Router(tags=["exports"])

CONTENT_TYPES = {
    Format.CSV: "text/csv; charset=utf-8; header=present",
    Format.PARQUET: "application/vnd.apache.parquet",
}
_STREAMS = {Format.CSV: stream_csv, Format.PARQUET: stream_parquet}


@router.get("/{feed}.csv", summary="A feed as CSV", openapi_extra=file_of("text/csv"))
def export_csv(request: AuthenticatedRequest, feed: str) -> StreamingHttpResponse:
    """Send `documents`, `values`, a schema's slug, or `slug.array`; a quote stands before what looks like a formula."""
    return _answer(request, feed, Format.CSV)


@router.get("/{feed}.parquet", summary="A feed as Parquet", openapi_extra=file_of(CONTENT_TYPES[Format.PARQUET]))
def export_parquet(request: AuthenticatedRequest, feed: str) -> StreamingHttpResponse:
    """Send `documents`, `values`, a schema's slug, or `slug.array`, with exact decimals, dates and times."""
    return _answer(request, feed, Format.PARQUET)


def _answer(request: AuthenticatedRequest, name: str, kind: Format) -> StreamingHttpResponse:
    try:
        feed = find_feed(tenant_id=request.auth.tenant_id, name=name)
    except UnknownFeedError as error:
        raise Problem(status=HTTPStatus.NOT_FOUND, title="Not found", detail=error.message, code=error.code) from None
    pieces = _STREAMS[kind](tenant_id=request.auth.tenant_id, feed=feed)
    response = StreamingHttpResponse(
        in_a_thread(pieces) if isinstance(request, ASGIRequest) else pieces, content_type=CONTENT_TYPES[kind]
    )
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=f"{name}.{kind.value}")
    response["Cache-Control"] = "no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response


async def in_a_thread(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Yield what a generator yields that waits for the database, without making the event loop wait.

    Django would collect an ordinary generator into a list first. One thread runs all of it, so where the client goes
    away in mid-step, the generator is closed after that step, and with it the export's transaction.
    """
    loop = asyncio.get_running_loop()
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="export")
    try:
        while (piece := await loop.run_in_executor(thread, next, pieces, None)) is not None:
            yield piece
    finally:
        close = getattr(pieces, "close", None)
        if close is not None:
            thread.submit(close)
        thread.shutdown(wait=False)
