"""The demo: the shipped samples go through the real pipeline by REST, like anybody's documents."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
from pydantic import BaseModel, ConfigDict, JsonValue, TypeAdapter, ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from deploy.embedded.control import Condition, Run, credentials
from deploy.embedded.failures import StackError
from deploy.embedded.location import PROJECT, Location

SAMPLES = PROJECT / "deploy" / "samples"
_DONE = frozenset({"done", "needs_review"})
_ENDED = _DONE | {"quarantined", "failed", "cancelled", "deleted"}
_POLL = 0.25
_NO_PROGRESS_SECONDS = 300.0
_PLAIN_WIDTH = 140
_FIELD_WIDTH = 25


class Sample(BaseModel):
    """A line of `deploy/samples/manifest.json`: a file there, and the schema that it is read with."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    file: str
    schema_slug: str
    licence: str
    source: str

    @property
    def path(self) -> Path:
        return SAMPLES / self.file


class _Document(BaseModel):
    """What the demo reads of a document in the API's answers."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    name: str
    status: str
    reason: str = ""
    pages: int | None = None


class _Evidence(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    page: int
    box: tuple[float, float, float, float]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    path: str
    value: str
    confidence: float | None
    status: str
    evidence: tuple[_Evidence, ...] = ()


class _Result(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    values: tuple[_Value, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """A document at its end, with its results as the API gives them."""

    document: _Document
    results: JsonValue


def samples(folder: Path = SAMPLES) -> tuple[Sample, ...]:
    """Return the samples. Raises StackError where the manifest and the files don't fit."""
    manifest = folder / "manifest.json"
    try:
        listed = json.loads(manifest.read_text("utf-8"))
        found = tuple(Sample(schema_slug=item["schema"], **item) for item in listed)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StackError(f"{manifest} can't be read: {type(error).__name__}") from error
    if missing := [sample.file for sample in found if not (folder / sample.file).is_file()]:
        raise StackError(f"{manifest} lists what is not there: {', '.join(missing)}")
    return found


def forget(place: Location) -> None:
    """Remove what an earlier demo wrote."""
    shutil.rmtree(place.demo, ignore_errors=True)
    place.demo.mkdir(mode=0o700)


def run(*, console: Console, run: Run, samples: Sequence[Sample]) -> None:
    """Push the samples, wait for their ends, print and write what was read.

    Raises StackError if a document did not come through, or a process of the stack died on the way.
    """
    signed = credentials(run.place)
    client = httpx.Client(
        base_url=f"{signed.api_url}/",
        headers={"Authorization": f"Bearer {signed.api_key}"},
        timeout=60.0,
        trust_env=False,  # a proxy has no business on the loopback interface
    )
    with client:
        try:
            pushed = _push(console, client, run, samples)
            read = [_Read(document=document, results=_results(client, document)) for document in pushed]
            _write(run.place, client, read)
        except httpx.HTTPError as error:
            _check_stack(run)
            raise StackError(f"the web server did not answer: {type(error).__name__}, see {run.place.logs}") from error
    _print_values(console, read)
    _print_files(console, run.place)
    _check_stack(run)
    lost = [item.document for item in read if item.document.status not in _DONE]
    if lost:
        told = "\n".join(f"  {_shown(item.name)}: {item.status}. {_shown(item.reason)}" for item in lost)
        raise StackError(f"{len(lost)} of {len(read)} documents did not come through:\n{told}")


def _check_stack(run: Run) -> None:
    """Raise StackError if a process has died, even where it has been started again since."""
    now = run.status()
    died = [name for name, member in now.members.items() if member.restarts or member.state == "died"]
    if died:
        raise StackError(f"died during the demo: {', '.join(died)}, see {run.place.logs}")
    if run.process.poll() is not None or now.condition != Condition.READY:
        raise StackError(f"the stack ended during the demo, see {run.place.logs}")


def _push(console: Console, client: httpx.Client, run: Run, samples: Sequence[Sample]) -> list[_Document]:
    """Upload everything, then wait until each document has come to an end; return them in the samples' order."""
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task("Uploading", total=len(samples))
        ids: list[str] = []
        for sample in samples:
            ids.append(_upload(client, sample))
            bar.advance(task)
        bar.reset(task, description="Reading", total=len(ids))
        ended: dict[str, _Document] = {}
        changed_at = time.monotonic()
        while len(ended) < len(ids):
            _check_stack(run)
            before = len(ended)
            for document_id in ids:
                if document_id in ended:
                    continue
                document = _Document.model_validate(_get(client, f"documents/{document_id}"))
                if document.status in _ENDED:
                    ended[document_id] = document
                    if not console.is_terminal:
                        count = f"{len(ended)}/{len(ids)}"
                        console.print(
                            f"  {count} {_shown(document.name)}: {document.status}", markup=False, highlight=False
                        )
            bar.update(task, completed=len(ended))
            if len(ended) > before:
                changed_at = time.monotonic()
            elif time.monotonic() - changed_at > _NO_PROGRESS_SECONDS:
                raise StackError(f"no document came to an end in {_NO_PROGRESS_SECONDS:.0f} s, see {run.place.logs}")
            time.sleep(_POLL)
    return [ended[document_id] for document_id in ids]


def _upload(client: httpx.Client, sample: Sample) -> str:
    with sample.path.open("rb") as file:
        answer = client.post("documents", files={"file": (sample.path.name, file)}, data={"schema": sample.schema_slug})
    if answer.is_error:
        raise StackError(f"{sample.file} was refused: {_problem(answer)}")
    return _Document.model_validate(answer.json()).id


def _get(client: httpx.Client, path: str) -> JsonValue:
    answer = client.get(path)
    if answer.is_error:
        raise StackError(f"GET {answer.url.path} failed: {_problem(answer)}")
    body: JsonValue = answer.json()
    return body


def _problem(answer: httpx.Response) -> str:
    try:
        body = answer.json()
        return f"{answer.status_code} {_shown(str(body.get('detail') or body.get('title') or ''))}"
    except (ValueError, AttributeError):
        return f"{answer.status_code} {answer.reason_phrase}"


def _results(client: httpx.Client, document: _Document) -> JsonValue:
    return _get(client, f"documents/{document.id}/results") if document.status in _DONE else []


def _write(place: Location, client: httpx.Client, read: Sequence[_Read]) -> None:
    """Write the three files of the demo."""
    documents: list[Mapping[str, JsonValue]] = [
        {
            "id": item.document.id,
            "name": item.document.name,
            "status": item.document.status,
            "pages": item.document.pages,
            "results": item.results,
        }
        for item in read
    ]
    text = json.dumps({"documents": documents}, indent=1, ensure_ascii=False)
    (place.demo / "results.json").write_text(f"{text}\n", "utf-8")
    for kind in ("csv", "parquet"):
        answer = client.get(f"exports/values.{kind}")
        if answer.is_error:
            raise StackError(f"the {kind} export failed: {_problem(answer)}")
        (place.demo / f"export.{kind}").write_bytes(answer.content)


def _print_values(console: Console, read: Sequence[_Read]) -> None:
    """Print each value with where it stands; a document's text may try to steer the terminal, so it is made plain.

    The columns fit into 80 characters, the value's takes what is left; without a terminal there is room for most.
    """
    wide = console if console.is_terminal else Console(width=_PLAIN_WIDTH)
    for item in read:
        try:
            results = TypeAdapter(tuple[_Result, ...]).validate_python(item.results)
        except ValidationError as error:
            raise StackError(
                f"the results of {_shown(item.document.name)} are not in their form: {error.title}"
            ) from None
        count = item.document.pages
        pages = "" if count is None else f", {count} page{'' if count == 1 else 's'}"
        wide.print(Text.assemble("\n", (_shown(item.document.name), "bold"), f"  {item.document.status}{pages}"))
        table = Table(
            show_edge=False, pad_edge=False, box=None, header_style="dim", width=min(wide.width, _PLAIN_WIDTH)
        )
        table.add_column("field", width=_FIELD_WIDTH, overflow="fold")
        table.add_column("value", ratio=1, overflow="fold")
        table.add_column("confidence", justify="right", width=10)
        table.add_column("page", justify="right", width=4)
        table.add_column("box", width=23, no_wrap=True)
        for value in (value for result in results for value in result.values):
            evidence = value.evidence[0] if value.evidence else None
            table.add_row(
                Text(_shown(value.path)),
                Text(_shown(value.value)),
                "" if value.confidence is None else f"{value.confidence:.2f}",
                str(evidence.page) if evidence else "",
                " ".join(f"{edge:.3f}" for edge in evidence.box) if evidence else value.status,
            )
        if table.row_count:
            wide.print(table)


def _print_files(console: Console, place: Location) -> None:
    console.print()
    for name in ("results.json", "export.csv", "export.parquet"):
        path = place.demo / name
        shown = path.relative_to(PROJECT) if path.is_relative_to(PROJECT) else path
        console.print(f"Wrote {shown}", markup=False, highlight=False)


def _shown(text: str) -> str:
    """Return a text without characters that mean something to a terminal."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
