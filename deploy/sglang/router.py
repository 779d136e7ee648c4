"""Start SGLang's router with its key from a file: on a command line everybody on the machine could read it.

    python3 deploy/sglang/router.py KEYS.yaml --policy cache_aware --worker-urls http://127.0.0.1:30001 ...

KEYS.yaml is the servers' own: two lines, `api-key: ...` and `admin-api-key: ...`. The router asks the servers with the
first, and hands on what its callers send, so that they need it too. Needs sglang-router, which SGLang's image has.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

WANTED = "api-key"


def key_of(text: str) -> str:
    """Return the key for requests. Raises ValueError where there is none."""
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon and name.strip() == WANTED:
            value = value.strip().strip("\"'")
            if value:
                return value
    raise ValueError(f"the file has no line '{WANTED}: ...'")


def main(arguments: Sequence[str]) -> int:
    """Run the router until it ends; return 2 where its key can't be read."""
    if not arguments:
        sys.stderr.write("usage: router.py KEYS.yaml [options of sglang-router]\n")
        return 2
    try:
        key = key_of(Path(arguments[0]).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"quire: the keys can't be read from {arguments[0]}: {error}\n")
        return 2
    from sglang_router.launch_router import (  # type: ignore[import-not-found,unused-ignore] # noqa: PLC0415
        launch_router,
        parse_router_args,
    )

    launch_router(parse_router_args([*arguments[1:], "--api-key", key]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
