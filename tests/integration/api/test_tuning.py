"""Tuning over REST."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.inference import profiles
from apps.tenants.models import Tenant
from apps.tenants.scope import tenant_scope
from tests.integration.api.conftest import Api

NOTHING: dict[str, Any] = {"instructions": "", "glossary": [], "examples": None}
TERM = {"term": "GRN", "meaning": "goods received note"}


@pytest.fixture(autouse=True)
def small_takes_adapters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    site = tmp_path / "profiles.toml"
    site.write_text("[small]\nlora = true\n")
    monkeypatch.setenv(profiles.SITE_FILE, str(site))
    profiles._known.cache_clear()
    yield
    profiles._known.cache_clear()


def _put(api: Api, path: str, body: Any) -> Any:
    return api.client.put(
        f"/api/v1/{path}", body, content_type="application/json", headers={"authorization": f"Bearer {api.key}"}
    )


def _slug(api: Api) -> str:
    with tenant_scope(api.tenant_id):
        return Tenant.objects.get().slug


def test_a_schemas_tuning_is_set_shown_and_ended(api: Api, other_api: Api) -> None:
    assert api.get("tuning/invoice").json() == NOTHING
    body = {"instructions": " Totals  are gross. ", "glossary": [TERM], "examples": 4}
    kept = body | {"instructions": "Totals are gross."}
    response = _put(api, "tuning/invoice", body)
    assert (response.status_code, response.json()) == (200, kept)
    assert api.get("tuning/invoice").json() == kept
    assert other_api.get("tuning/invoice").json() == NOTHING
    assert api.get("tuning/receipt").json() == NOTHING
    assert api.delete("tuning/invoice").status_code == 204
    assert api.get("tuning/invoice").json() == NOTHING


def test_what_holds_for_all_has_the_adapters(api: Api, other_api: Api) -> None:
    adapter = f"{_slug(api)}.letters"
    body = NOTHING | {"glossary": [TERM], "adapters": {"small": adapter}}
    assert _put(api, "tuning", body).json() == body
    assert api.get("tuning").json() == body
    assert other_api.get("tuning").json() == NOTHING | {"adapters": {}}
    assert _put(api, "tuning", {}).json() == NOTHING | {"adapters": {}}


def test_no_answer_tells_the_salt(api: Api) -> None:
    assert set(api.get("tuning").json()) == {"instructions", "glossary", "examples", "adapters"}


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("tuning/invoice", {"glossary": [TERM, TERM | {"term": "grn"}]}, "bad_tuning"),
        ("tuning/invoice", {"glossary": [TERM | {"meaning": "  "}]}, "bad_tuning"),
        ("tuning/invoice", {"glossary": [TERM | {"meaning": "x" * 301}]}, "invalid_request"),
        ("tuning/invoice", {"glossary": [TERM] * 101}, "invalid_request"),
        ("tuning/invoice", {"instructions": "x" * 1001}, "invalid_request"),
        ("tuning/invoice", {"examples": 9}, "invalid_request"),
        ("tuning", {"adapters": {"medium": "SLUG.a"}}, "bad_adapter"),
        ("tuning", {"adapters": {"small": "SLUG:a"}}, "bad_adapter"),
        ("tuning", {"adapters": {"small": "SLUG.a b"}}, "bad_adapter"),
        ("tuning", {"adapters": {"small": "SLUG-other"}}, "bad_adapter"),
        ("tuning", {"adapters": {"small": "somebody.letters"}}, "bad_adapter"),
        ("tuning", {"adapters": {"nobody": "SLUG"}}, "unknown_profile"),
    ],
)
def test_a_bad_tuning_is_422_and_changes_nothing(api: Api, path: str, body: Any, code: str) -> None:
    if "adapters" in body:
        body = {"adapters": {name: value.replace("SLUG", _slug(api)) for name, value in body["adapters"].items()}}
        body["instructions"] = "Not to be kept."
    before = api.get(path).json()
    response = _put(api, path, body)
    assert (response.status_code, response.json()["code"]) == (422, code)
    assert response.headers["Content-Type"] == "application/problem+json"
    assert api.get(path).json() == before


def test_a_schema_that_is_not_there(api: Api) -> None:
    assert api.get("tuning/nothing").status_code == 404
    response = _put(api, "tuning/nothing", {"examples": 1})
    assert (response.status_code, response.json()["code"]) == (404, "no_such_schema")
