"""The entry point of `python -m deploy.embedded`; the commands are in cli.py."""

import signal

# Until the commands see to it themselves, Ctrl-C just ends the process: there is nothing to stop yet.
signal.signal(signal.SIGINT, signal.SIG_DFL)

from deploy.embedded.cli import app  # noqa: E402 - the import takes long enough to be interrupted

if __name__ == "__main__":
    app(prog_name="python -m deploy.embedded")
