"""Make `.venv` and install what the lock file names. Standard library only: it runs before anything is installed.

Does nothing when the lock is the one installed last. An install that was cut short begins anew, since a package may
have been left half written.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
VENV = PROJECT / ".venv"
LOCK = PROJECT / "deploy" / "requirements.lock"
STAMP = VENV / "installed"
UNFINISHED = VENV / "unfinished"
TAIL_LINES = 25
BAR = 30


def main() -> int:
    """Return the exit code: 0, or 1 with a message."""
    wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if STAMP.exists() and STAMP.read_text(encoding="utf-8").strip() == wanted and works():
        return 0
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
    command = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--no-deps", "--require-hashes", "--no-input"]
    command += ["--disable-pip-version-check", "--progress-bar", "off", "-r", str(LOCK)]
    said: list[str] = []
    count = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        for line in pip.stdout or ():
            said.append(line)
            if line.startswith(("Collecting ", "Requirement already satisfied: ")):
                count += 1
                progress(count, total)
            elif line.startswith("Installing collected packages"):
                progress(total, total, " unpacking")
    progress(total, total, "", last=True)
    if pip.returncode != 0:
        fail("pip failed; run the same command again, it takes up where this one stopped", "".join(said[-TAIL_LINES:]))
        return False
    return True


def progress(count: int, total: int, what: str = "", *, last: bool = False) -> None:
    """Draw a bar on a terminal, print a line now and then elsewhere."""
    if sys.stderr.isatty():
        filled = BAR * count // total
        sys.stderr.write(
            f"\r  [{'#' * filled}{'.' * (BAR - filled)}] {count}/{total}{what:<12}" + ("\n" if last else "")
        )
        sys.stderr.flush()
    elif what or (count % 25 == 0 and not last):
        say(f"  {count}/{total}{what}")


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
