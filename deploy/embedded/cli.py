"""`python -m deploy.embedded up|down|status|demo|run|clean`: the embedded stack from the command line."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Annotated

import typer
from rich.console import Console

from deploy.embedded import control, demo, external, postgres
from deploy.embedded.control import AlreadyUpError, Condition
from deploy.embedded.failures import StackError
from deploy.embedded.location import PROJECT, Location, here
from deploy.embedded.stack import open_site
from deploy.embedded.terminal import Interrupted, follow_start, interruptible, print_sign_in, print_status, stay

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
console = Console(soft_wrap=True)


def _reporting(command: Callable[..., None]) -> Callable[..., None]:
    """Turn what a person has to act on into a message and an exit code, and a signal into its exit code."""

    @wraps(command)
    def wrapped(*arguments: object, **options: object) -> None:
        try:
            with interruptible():
                command(*arguments, **options)
        except Interrupted as interruption:
            raise typer.Exit(interruption.exit_code) from None
        except StackError as error:
            sys.stdout.flush()
            sys.stderr.write(f"quire: {error}\n")
            raise typer.Exit(1) from None

    return wrapped


@contextmanager
def _running(run: control.Run) -> Iterator[None]:
    """Stop the stack that this command has started, whatever happens."""
    try:
        yield
    finally:
        run.stop()


@app.command()
@_reporting
def up(*, foreground: Annotated[bool, typer.Option(help="stay until Ctrl-C, then stop everything")] = False) -> None:
    """Start the stack; returns when it is ready."""
    place = here()
    external.read(os.environ)
    try:
        run = control.start(place)
        try:
            follow_start(console, run)
            place.used.touch()
            print_sign_in(console, control.credentials(place))
            if not foreground:
                run.release()
                console.print("`make down` stops it.", highlight=False)
                return
            stay(console, run)
        except BaseException:
            run.stop()
            raise
        run.stop()
    except AlreadyUpError:
        _join(place)


def _join(place: Location) -> None:
    """Say where the stack is that somebody else has started."""
    now = control.wait_settled(place)
    if now.condition != Condition.READY:
        raise StackError(f"the stack in {place.root} was being started or stopped by somebody else: try again")
    console.print(f"The stack is already up at {now.portal_url}", highlight=False)
    print_sign_in(console, control.credentials(place))


@app.command()
@_reporting
def down() -> None:
    """Stop the stack; nothing to do is fine too."""
    stopped = control.stop(here())
    console.print("Stopped." if stopped else "The stack is not up.", highlight=False)


@app.command()
@_reporting
def status() -> None:
    """Show the processes; exit code 3 where the stack is not up."""
    now = control.status(here())
    print_status(console, now)
    if now.condition != Condition.READY:
        raise typer.Exit(3)


@app.command("demo")
@_reporting
def run_demo() -> None:
    """Empty the database, push the samples through the pipeline, show what was read."""
    place = here()
    external.read(os.environ)
    samples = demo.samples()
    used = place.used.exists()
    run = control.start(place, fresh=True)
    with _running(run):
        demo.forget(place)
        follow_start(console, run)
        if used and place.kept.exists():
            name = max(path.name for path in place.kept.iterdir())
            console.print(
                f"The stack was in use. What it held is kept: the database {name} in its Postgres, "
                f"files in {place.kept / name}",
                highlight=False,
            )
        demo.run(console=console, run=run, samples=samples)
        print_sign_in(console, control.credentials(place))
        if sys.stdin.isatty() and sys.stdout.isatty():
            stay(console, run)
        else:
            console.print("The stack stops now; `make up` starts it again, with these documents.", highlight=False)


@app.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@_reporting
def run(
    command: Annotated[list[str], typer.Argument(help="the command, after --")],
    *,
    servers_only: Annotated[bool, typer.Option(help="start no web server and no workers")] = False,
) -> None:
    """Run a command with the stack's settings, on the stack that is up or on one for the time being."""
    place = here()
    external.read(os.environ)
    if control.status(place).condition == Condition.READY:
        raise typer.Exit(_call(command, place))
    run = control.start(place, servers_only=servers_only)
    with _running(run):
        run.wait_ready(follow=lambda _now: None)
        raise typer.Exit(_call(command, place))


def _call(command: list[str], place: Location) -> int:
    settings = open_site(place).settings(as_owner=True)
    process = subprocess.Popen(command, env={**os.environ, **settings})
    try:
        return process.wait()
    except Interrupted as interruption:
        process.send_signal(interruption.number)
        process.wait()
        raise
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)


@app.command()
@_reporting
def clean() -> None:
    """Stop the stack and delete everything it keeps: database, documents, passwords."""
    place = here()
    control.stop(place)
    postgres.remove_cluster(run_dir=place.root)
    shutil.rmtree(place.root, ignore_errors=True)
    console.print(f"Removed {place.root.relative_to(PROJECT) if place.root.is_relative_to(PROJECT) else place.root}.")
