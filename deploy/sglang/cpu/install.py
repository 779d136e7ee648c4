"""Install SGLang into a virtual environment of its own, `.run/sglang/venv`. It takes some minutes and 3 GB.

Does nothing when what it would install is there. torch comes in the build that pip finds: the one without CUDA where
pip's configuration knows an index or a folder that has it (such as `PIP_EXTRA_INDEX_URL` with torch's own index for
CPUs), the larger one with CUDA otherwise; both do.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from deploy.sglang.cpu.places import ENVIRONMENT, HERE, HOME, LOGS, PYTHON, VENV

# The one package that is installed with what it wants: its build with CUDA brings CUDA's libraries, at versions of its
# own choice. Without hashes, for the two builds are different files.
TORCH = "torch==2.13.0"
REQUIREMENTS = HERE / "requirements.txt"
STAMP = VENV / "installed"
LOG = LOGS / "install.log"
TAIL_LINES = 20


def main() -> int:
    """Return the exit code: 0, or 1 with a message."""
    wanted = hashlib.sha256(TORCH.encode() + REQUIREMENTS.read_bytes()).hexdigest()
    if STAMP.exists() and STAMP.read_text(encoding="utf-8") == wanted and _succeeds([PYTHON, "-c", ""]):
        return 0
    # Begun anew, since a package may have been left half written.
    shutil.rmtree(VENV, ignore_errors=True)
    LOGS.mkdir(parents=True, exist_ok=True)
    LOG.unlink(missing_ok=True)
    pip: list[str | Path] = [
        PYTHON,
        "-m",
        "pip",
        "install",
        "--no-input",
        "--no-compile",
        "--disable-pip-version-check",
    ]
    steps: tuple[tuple[str, list[str | Path]], ...] = (
        ("making .run/sglang/venv", [sys.executable, "-m", "venv", VENV]),
        ("installing SGLang", [*pip, "--no-deps", "--require-hashes", "-r", REQUIREMENTS]),
        ("installing torch", [*pip, TORCH]),
        ("trying to import it", [PYTHON, "-c", "import sglang.srt.entrypoints.http_server"]),
    )
    for what, command in steps:
        _say(f"SGLang: {what}")
        if not _succeeds(command):
            _say("\n".join(LOG.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]))
            _say(f"quire: {what} failed; all that was said is in {LOG.relative_to(HOME.parents[1])}")
            return 1
    STAMP.write_text(wanted, encoding="utf-8")
    return 0


def _succeeds(command: list[str | Path]) -> bool:
    with LOG.open("ab") if LOG.parent.exists() else Path(os.devnull).open("wb") as log:
        code = subprocess.run(
            command, stdout=log, stderr=subprocess.STDOUT, check=False, env=os.environ | ENVIRONMENT
        ).returncode
    return code == 0


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        _say("\nquire: interrupted; run the same command again")
        sys.exit(130)
