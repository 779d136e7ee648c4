"""The router's key comes from a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.sglang.router import key_of, main


def test_the_key_for_requests_is_taken_and_not_the_administrators() -> None:
    assert key_of("admin-api-key: root\napi-key: 'sesame: open'\n") == "sesame: open"


@pytest.mark.parametrize("text", ["", "admin-api-key: root", "api-key:", "api-key"])
def test_a_file_without_a_key_is_refused(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = tmp_path / "keys.yaml"
    keys.write_text(text, encoding="utf-8")
    assert main([str(keys), "--policy", "cache_aware"]) == 2
    assert f"the keys can't be read from {keys}: the file has no line 'api-key: ...'" in capsys.readouterr().err


def test_a_missing_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none.yaml")]) == 2
    assert "none.yaml" in capsys.readouterr().err
    assert main([]) == 2
