"""The icon, for who asks for it where browsers expect it."""

from __future__ import annotations

from django.test import Client


def test_the_icon_is_where_browsers_look_for_it() -> None:
    client = Client(SERVER_NAME="127.0.0.1")
    moved = client.get("/favicon.ico")
    assert (moved.status_code, moved.headers["Location"]) == (302, "/static/portal/icon.svg")
    icon = client.get(moved.headers["Location"])
    assert (icon.status_code, icon.headers["Content-Type"]) == (200, "image/svg+xml")
    assert b"".join(icon).startswith(b"<svg ")
