"""Push a category of the corpus through a running stack and count how each document ended.

    make up && .venv/bin/python -m tests.load.corpus --category C

Exits with 1 where a document has not come to an end, or an answer was none that an uploader could act on.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from http import HTTPStatus
from pathlib import Path
from time import monotonic, sleep

import httpx

ROOT = Path(__file__).resolve().parents[2]
ENDS = {"done", "needs_review", "quarantined", "failed", "cancelled"}
REFUSALS = {HTTPStatus.UNSUPPORTED_MEDIA_TYPE, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}


def main() -> int:
    """Run."""
    parser = argparse.ArgumentParser(description="Push a category of the corpus through a running stack.")
    parser.add_argument("--category", default="C")
    parser.add_argument("--wait", type=float, default=1800.0, help="seconds to wait for the last document")
    options = parser.parse_args()
    corpus = Path(os.environ.get("QUIRE_CORPUS", ROOT.parent / "shared" / "corpus"))
    rows = [json.loads(line) for line in (corpus / "manifest.jsonl").read_text("utf-8").splitlines()]
    signed = json.loads((ROOT / ".run" / "credentials.json").read_text("utf-8"))
    answers: Counter[str] = Counter()
    pending: dict[str, str] = {}
    with httpx.Client(headers={"authorization": f"Bearer {signed['api_key']}"}, timeout=120) as client:
        documents = f"{signed['api_url']}/documents"
        for row in rows:
            if row["category"] != options.category:
                continue
            path = corpus / row["path"]
            response = client.post(documents, files={"file": (path.name, path.read_bytes())}, data={"lane": "bulk"})
            answers[str(response.status_code)] += 1
            if response.status_code in {HTTPStatus.OK, HTTPStatus.CREATED}:
                pending[response.json()["id"]] = row["path"]
            elif response.status_code not in REFUSALS:
                print(f"unexpected answer {response.status_code} to {row['path']}")  # noqa: T201
                answers["unexpected"] += 1
        ends: Counter[str] = Counter()
        deadline = monotonic() + options.wait
        while pending and monotonic() < deadline:
            for document_id in list(pending):
                found = client.get(f"{documents}/{document_id}").json()
                if found["status"] in ENDS:
                    ends[f"{found['status']} {found['reason_code']}".strip()] += 1
                    if found["reason_code"] in {"internal", "worker_lost"}:
                        print(f"{found['reason_code']}: {pending[document_id]}")  # noqa: T201
                    del pending[document_id]
            sleep(1)
    print("answers:", dict(sorted(answers.items())))  # noqa: T201
    print("ends:", dict(sorted(ends.items())))  # noqa: T201
    print("not ended:", sorted(pending.values()))  # noqa: T201
    return 1 if pending or answers["unexpected"] else 0


if __name__ == "__main__":
    sys.exit(main())
