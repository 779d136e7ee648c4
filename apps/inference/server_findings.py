"""What is found of a model server: the findings, the report they make, and the verdicts on a reply."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from jsonschema import Draft202012Validator
from pydantic import BaseModel

from apps.inference.fleet import Worker

# Pixels: 2 rows of 3 and a break each under Mistral's rule.
PICTURE = (84, 56)
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "answer": {"type": "string", "enum": ["table", "river", "nine", "green"]},
        "sure": {"type": "boolean"},
        "digit": {"type": "integer", "minimum": 0, "maximum": 9},
    },
    "required": ["answer", "sure", "digit"],
    "additionalProperties": False,
}


class Status(StrEnum):
    """Of a check. `unknown`: the server doesn't let it be seen."""

    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a check found; `advice` is what to do where it failed."""

    check: str
    status: Status
    detail: str
    advice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerReport:
    """What was found of a server. `model` is the name it was asked by, None where it never came to that.

    `behind` are the reports of the servers that it lists as those it sends requests to, as SGLang's router does.
    """

    url: str
    profile: str
    model: str | None
    reachable: bool
    findings: tuple[Finding, ...]
    behind: tuple[ServerReport, ...] = ()

    @property
    def failed(self) -> int:
        """Count what failed, of the servers behind it too."""
        own = sum(finding.status == Status.FAILED for finding in self.findings)
        return own + sum(report.failed for report in self.behind)

    @property
    def fits(self) -> bool:
        """Say whether nothing failed."""
        return not self.failed


class Message(BaseModel):
    """What a model wrote."""

    content: str | None = None


class Choice(BaseModel):
    """One reply of those asked for; `finish_reason` says why it ended."""

    message: Message
    finish_reason: str | None = None


class Details(BaseModel):
    """`cached_tokens`, where the server tells them."""

    cached_tokens: int | None = None


class Usage(BaseModel):
    """Tokens as the server counts them."""

    prompt_tokens: int
    prompt_tokens_details: Details | None = None


class Reply(BaseModel):
    """A chat completion in OpenAI's form: as much of it as is looked at."""

    choices: list[Choice]
    usage: Usage | None = None


def ok(check: str, detail: str) -> Finding:
    """Return that a check holds."""
    return Finding(check=check, status=Status.OK, detail=detail)


def failed(check: str, detail: str, advice: str) -> Finding:
    """Return that a check failed, and what to do."""
    return Finding(check=check, status=Status.FAILED, detail=detail, advice=advice)


def unknown(check: str, detail: str) -> Finding:
    """Return that the server doesn't let a check be seen."""
    return Finding(check=check, status=Status.UNKNOWN, detail=detail)


def about_servers(workers: Sequence[Worker], *, asked: int) -> Finding:
    """Say how many servers a router sends requests to, and how many of them were asked too."""
    ill = [worker.url for worker in workers if not worker.is_healthy]
    if ill:
        return failed(
            "servers",
            f"{len(workers) - len(ill)} of {len(workers)} take requests; not: {', '.join(ill)}",
            "look at their logs: the router sends them nothing until they answer its health check",
        )
    more = f"; the first {asked} were asked" if asked < len(workers) else ""
    return ok("servers", f"{len(workers)} behind it take requests{more}")


def about_schema(text: str, *, reason: str | None) -> Finding:
    """Say whether a reply, which ended by `reason`, obeys SCHEMA."""
    advice = "use a server that holds replies to a JSON schema (SGLang: --grammar-backend xgrammar)"
    if reason == "length":
        return failed("structured output", "the reply ran to its limit instead of ending", advice)
    try:
        obeys = Draft202012Validator(SCHEMA).is_valid(json.loads(text))
    except ValueError:
        return failed("structured output", "the reply is no JSON: the server doesn't know json_schema", advice)
    if not obeys:
        return failed("structured output", "the reply is JSON, but not of the schema", advice)
    return ok("structured output", "the reply obeys its schema")


def about_usage(first: Reply | None, again: Reply) -> Finding:
    """Say what the server counted when it was asked the same twice."""
    if again.usage is None:
        return failed("usage", "replies don't tell their tokens", "Quire can't count its cost on such a server")
    details = again.usage.prompt_tokens_details
    advice = "start it with --enable-cache-report"
    if details is None or details.cached_tokens is None:
        return failed("usage", f"{again.usage.prompt_tokens} prompt tokens, nothing of cached ones", advice)
    if first and first.usage and first.usage.prompt_tokens != again.usage.prompt_tokens:
        return failed("usage", "the same prompt is counted differently each time", "is it one server or several?")
    share = f"{details.cached_tokens} of {again.usage.prompt_tokens} prompt tokens cached when asked again"
    if details.cached_tokens == 0:
        return failed("usage", share, "is its prefix cache off (SGLang: --disable-radix-cache)?")
    return ok("usage", share)


def about_picture_tokens(counted: int, *, expected: int, is_exact: bool) -> Finding:
    """Say whether PICTURE cost the tokens that were expected; `is_exact`: the profile counts rather than estimates."""
    size = f"{PICTURE[0]} x {PICTURE[1]} pixels"
    if counted <= 0:
        return failed(
            "pictures",
            "one is taken, but costs no tokens: the model doesn't see it",
            "serve a model that takes pictures (SGLang: --enable-multimodal), or use a profile for text only",
        )
    if counted == expected:
        return ok("pictures", f"{size} cost {counted} tokens, as the profile counts")
    if not is_exact:
        return ok("pictures", f"{size} cost {counted} tokens; the profile estimates {expected}")
    return failed(
        "pictures",
        f"{size} cost {counted} tokens; the profile counts {expected}",
        "is it the model of this profile? Prompts would be longer than Quire counts",
    )
