"""Guessing passwords is slow."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client, override_settings

from apps.portal.throttling import ALLOWED_ATTEMPTS
from apps.tenants.operations import create_user

PASSWORD = "correct horse battery"


@pytest.fixture
def email(database: None) -> str:
    address = f"{uuid4().hex}@acme.example"
    create_user(email=address, password=PASSWORD)
    return address


def _sign_in(email: str, password: str, *, address: str = "192.0.2.1") -> Any:
    client = Client(SERVER_NAME="127.0.0.1")
    return client.post("/sign-in", {"username": email, "password": password}, REMOTE_ADDR=address)


def test_after_some_wrong_passwords_not_even_the_right_one_is_looked_at(email: str) -> None:
    for _ in range(ALLOWED_ATTEMPTS):
        assert "don&#x27;t belong together" in _sign_in(email, "wrong").content.decode()
    refused = _sign_in(email, PASSWORD)
    assert refused.status_code == 200
    assert "Wait 10 minutes" in refused.content.decode()
    assert _sign_in(email, PASSWORD, address="192.0.2.2").status_code == 302


def test_a_success_begins_to_count_anew(email: str) -> None:
    for _ in range(2):
        for _ in range(ALLOWED_ATTEMPTS - 1):
            _sign_in(email, "wrong")
        assert _sign_in(email, PASSWORD).status_code == 302


@override_settings(QUIRE_REDIS_URL="redis://127.0.0.1:1/0")
def test_without_a_broker_one_can_sign_in(email: str) -> None:
    assert _sign_in(email, PASSWORD).status_code == 302


def test_a_password_of_a_megabyte_is_not_hashed(email: str) -> None:
    refused = _sign_in(email, "x" * 1_000_000)
    assert refused.status_code == 200
    assert "at most 1024" in refused.content.decode()
