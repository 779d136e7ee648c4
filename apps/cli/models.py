"""`quire models`: the model profiles, the servers that run them, and how one is started."""

from __future__ import annotations

import os
import sys
from datetime import date
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from apps.cli.failures import NO, UNREACHABLE, USAGE, CommandError
from apps.cli.printing import AsJson, console, print_json
from apps.inference.launch import PORT, Place, compose, router_command, server_command, shell
from apps.inference.profiles import PROFILES, Profile, profile, suffix_of
from apps.inference.server_check import check_server
from apps.inference.server_findings import ServerReport, Status

KEY = "QUIRE_INFERENCE_API_KEY"
MODEL = "QUIRE_INFERENCE_MODEL"
HOUSE = "QUIRE_INFERENCE_PROFILE"
COLOURS = {Status.OK: "green", Status.FAILED: "red", Status.UNKNOWN: "yellow"}

app = typer.Typer(help="The models that Quire knows, and the servers that run them.")


@app.callback(invoke_without_command=True)
def show(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Print the model profiles; QUIRE_MODEL_PROFILES names a file with a site's own."""
    if context.invoked_subcommand is not None:
        return
    if as_json:
        print_json(list(PROFILES.values()))
        return
    table = Table("name", "model", "context", "takes", "GPUs", "hardware", "licence", "LoRA", "$ a million in / out")
    today = date.today()  # noqa: DTZ011 - prices change by the day where the reader is
    for one in PROFILES.values():
        table.add_row(
            one.name,
            one.title,
            f"{one.context:,}",
            "text, pictures" if one.images else "text",
            _gpus(one),
            one.hardware,
            one.licence,
            "yes" if one.lora else "no",
            _price(one, today),
        )
    console().print(table)


def _gpus(one: Profile) -> str:
    if not one.gpus:
        return "-"
    return f"{one.launch.replicas} x {one.gpus}" if one.launch and one.launch.replicas > 1 else str(one.gpus)


def _price(one: Profile, today: date) -> str:
    price = one.price(on=today)
    return f"{price.prompt} / {price.completion} since {price.since}" if price else "none"


@app.command()
def check(
    url: Annotated[str, typer.Argument(help="the server's address, such as http://127.0.0.1:30000")],
    *,
    name: Annotated[
        str | None,
        typer.Option("--profile", help=f"the profile that it has to serve; by default {HOUSE}, or small"),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help=f"the model's name there; by default {MODEL}, {MODEL}_MEDIUM, or the profile's")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option("--api-key-env", help=f"the environment variable that holds the key; by default {KEY}"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Ask a running server whether it can serve a profile; of SGLang's router also each server behind it.

    Exit code 0: it can. 1: it can't, and what to do is printed. 2: the question is wrong. 3: nobody answers there.
    """
    if key not in {None, KEY} and key not in os.environ:
        raise CommandError(f"the environment has no {key}", exit_code=USAGE)
    house = os.environ.get(HOUSE) or "small"
    wanted = _profile(name or house)
    try:
        report = check_server(
            url=url,
            profile=wanted,
            api_key=os.environ.get(key) if key else _of_profile(KEY, wanted) or os.environ.get(KEY) or None,
            model=model or _of_profile(MODEL, wanted) or (wanted.name == house and os.environ.get(MODEL)) or None,
        )
    except ValueError as error:
        raise CommandError(str(error), exit_code=USAGE) from None
    if as_json:
        print_json(report)
    else:
        _print(report)
    if not report.reachable:
        raise typer.Exit(UNREACHABLE)
    if not report.fits:
        raise typer.Exit(NO)


def _of_profile(setting: str, one: Profile) -> str | None:
    """Return what the environment says for a profile's own server."""
    return os.environ.get(f"{setting}{suffix_of(one.name)}") or None


def _print(report: ServerReport) -> None:
    _print_findings(report)
    for one in report.behind:
        sys.stdout.write(f"{one.url}, behind it:\n")
        _print_findings(one)
    verdict = f"{report.failed} to mend before it can" if report.failed else "it can"
    sys.stdout.write(f"{report.url} as '{report.profile}': {verdict}.\n")


def _print_findings(report: ServerReport) -> None:
    table = Table("check", "", "found", "what to do")
    for one in report.findings:
        # A server's words are text, never markup.
        table.add_row(one.check, Text(one.status, style=COLOURS[one.status]), Text(one.detail), Text(one.advice))
    console().print(table)


@app.command()
def launch(
    name: Annotated[str, typer.Argument(metavar="PROFILE", help="the profile to serve")],
    *,
    model_path: Annotated[str | None, typer.Option(help="the folder of the weights, or a repository")] = None,
    keys: Annotated[str, typer.Option(help="the YAML file with api-key and admin-api-key")] = Place(model="").keys,
    host: Annotated[str, typer.Option(help="the address to listen at")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="the port to listen at; several servers take the ones after it")] = PORT,
    as_compose: Annotated[bool, typer.Option("--compose", help="print a file for docker compose instead")] = False,
    as_json: AsJson = False,
) -> None:
    """Print how SGLang is started for a profile; nothing is started."""
    one = _profile(name)
    if as_compose:
        sys.stdout.write(compose(one))
        return
    path = model_path or one.repository
    if path is None and one.launch is not None:
        raise CommandError(f"the weights of '{name}' are in no public repository: name --model-path", exit_code=USAGE)
    commands = _commands(one, Place(model=path or "", keys=keys, host=host, port=port))
    if as_json:
        print_json(commands)
        return
    sys.stdout.write("\n\n".join(shell(command) for command in commands) + "\n")


def _commands(one: Profile, place: Place) -> list[list[str]]:
    """Return the commands that start a profile: its server; or several, a GPU each, with the router before them."""
    replicas = one.launch.replicas if one.launch else 1
    if replicas == 1:
        return [server_command(one, place=place)]
    commands = []
    workers = []
    for number in range(replicas):
        behind = Place(model=place.model, keys=place.keys, host="127.0.0.1", port=place.port + 1 + number)
        base = ["--base-gpu-id", str(number * max(one.gpus, 1))]
        commands.append([*server_command(one, place=behind), *base])
        workers.append(f"http://127.0.0.1:{behind.port}")
    return [*commands, router_command(workers=workers, place=place)]


def _profile(name: str) -> Profile:
    if name not in PROFILES:
        raise CommandError(f"there is no profile '{name}'; there are: {', '.join(PROFILES)}", exit_code=USAGE)
    return profile(name)
