"""Make `.venv` and install what the lock file names. Standard library only: it runs before anything is installed.

Does nothing when the lock is the one installed last. An install that was cut short begins anew, since a package may
have been left half written.
"""

import contextlib
import fcntl
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
VENV = PROJECT / ".venv"
LOCK = PROJECT / "deploy" / "requirements.lock"
ALONE = PROJECT / ".venv.lock"
STAMP = VENV / "installed"
COMMAND = VENV / "bin" / "quire"
UNFINISHED = VENV / "unfinished"
TAIL_LINES = 25
WIDTH = 30
STEP = 48


def main() -> int:
    """Return the exit code: 0, or 1 with a message."""
    wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if not is_installed(wanted):
        with alone():
            code = 0 if is_installed(wanted) else make(wanted)
        if code != 0:
            return code
    write_command()
    return 0


def is_installed(wanted: str) -> bool:
    """Say whether the lock of this hash is what was installed last."""
    return STAMP.exists() and STAMP.read_text(encoding="utf-8").strip() == wanted and works()


def write_command() -> None:
    """Write `.venv/bin/quire`, the command line, where it isn't there as it should be.

    Its first lines are for the shell: a path with a space or of more than 127 characters can't stand behind `#!`.
    """
    text = f"""#!/bin/sh
'''exec' {shlex.quote(str(VENV / "bin" / "python"))} "$0" "$@"
' '''
import sys

sys.path.insert(0, {str(PROJECT)!r})
from apps.cli.app import main

sys.exit(main())
"""
    if COMMAND.exists() and COMMAND.read_text(encoding="utf-8") == text:
        return
    draft = COMMAND.with_name(f"quire.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.chmod(0o755)
    draft.replace(COMMAND)


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Wait for another install in this folder: two at once would delete each other's files."""
    with ALONE.open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another install is under way here: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def make(wanted: str) -> int:
    """Make the environment and install everything; return the exit code."""
    if not works() or UNFINISHED.exists():
        say("Making .venv with Python " + ".".join(map(str, sys.version_info[:3])))
        shutil.rmtree(VENV, ignore_errors=True)
        made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False)
        if made.returncode != 0:
            return fail(
                "`python3 -m venv` failed; on Debian or Ubuntu: apt install python3-venv", made.stdout + made.stderr
            )
    STAMP.unlink(missing_ok=True)
    UNFINISHED.touch()
    if not install():
        return 1
    UNFINISHED.unlink()
    STAMP.write_text(wanted + "\n", encoding="utf-8")
    return 0


def works() -> bool:
    """Say whether there is a virtual environment whose Python runs and has pip."""
    python = VENV / "bin" / "python"
    if not python.exists():
        return False
    return subprocess.run([str(python), "-c", "import pip"], capture_output=True, check=False).returncode == 0


def install() -> bool:
    """Run pip and show how far it is; print the end of what it said if it fails."""
    total = sum(1 for line in LOCK.read_text(encoding="utf-8").splitlines() if line[:1].isalnum())
    say(f"Installing {total} packages")
    command = [
        str(VENV / "bin" / "python"),
        "-m",
        "pip",
        "install",
        "--no-deps",
        "--no-compile",
        "--require-hashes",
        "--no-input",
    ]
    command += ["--disable-pip-version-check", "--progress-bar", "off", "-r", str(LOCK)]
    said: list[str] = []
    bar = Bar(total)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        for line in pip.stdout or ():
            said.append(line)
            if line.startswith(("Collecting ", "Requirement already satisfied: ")):
                bar.show("fetched", bar.count + 1)
            elif line.startswith("Installing collected packages"):
                while pip.poll() is None:  # it says nothing more until the end
                    bar.show("unpacked", sum(1 for _ in VENV.glob("lib/python*/site-packages/*.dist-info")) - 1)
                    time.sleep(0.2)
    bar.end()
    if pip.returncode != 0:
        fail("pip failed; run the same command again, it takes up where this one stopped", "".join(said[-TAIL_LINES:]))
        return False
    return True


class Bar:
    """A bar on a terminal, a line now and then elsewhere."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.count = 0
        self.said = ("", 0)

    def show(self, what: str, count: int) -> None:
        """Show how many packages have come so far."""
        self.count = min(count, self.total)
        if sys.stderr.isatty():
            filled = WIDTH * self.count // self.total
            sys.stderr.write(f"\r  [{'#' * filled}{'.' * (WIDTH - filled)}] {self.count}/{self.total} {what}   ")
            sys.stderr.flush()
        elif self.said != (what, self.count // STEP):
            self.said = (what, self.count // STEP)
            say(f"  {self.count}/{self.total} {what}")

    def end(self) -> None:
        """Go on to the next line."""
        if sys.stderr.isatty():
            say("")


def say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def fail(message: str, details: str) -> int:
    say(details.rstrip())
    say("quire: " + message)
    return 1


if __name__ == "__main__":
    os.umask(0o022)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        say("\nquire: interrupted; run the same command again")
        sys.exit(130)
