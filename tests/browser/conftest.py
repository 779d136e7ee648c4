"""A real browser on a real server: granian serves the application on the test's own database."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from urllib.request import urlopen
from uuid import UUID

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from apps.tenants.models import Role
from apps.tenants.operations import add_member, create_user

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "tests" / "browser" / "vendor" / "axe-core-4.14.1.min.js"
# A bound that ends a hanging test, not a measure: the machine may be busy.
expect.set_options(timeout=20_000)
PASSWORD = "correct horse battery staple"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the portal. Work is done inline, so an upload is read when it is answered."""
    with serving(tmp_path_factory.mktemp("server"), {}) as url:
        yield url


@contextmanager
def serving(folder: Path, settings: Mapping[str, str]) -> Iterator[str]:
    """Serve the portal with these settings beside the tests' own; its log is in the folder."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    log = folder / "granian.log"
    own = {"DJANGO_SETTINGS_MODULE": "apps.config.settings.test", "QUIRE_PORTAL_URL": url}
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--host", "127.0.0.1", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--no-ws", "apps.config.asgi:application"],
            cwd=ROOT,
            env=os.environ | own | dict(settings),
            stdout=output,
            stderr=output,
        )
    try:
        deadline = monotonic() + 240
        while True:
            try:
                with urlopen(f"{url}/livez", timeout=2):
                    break
            except OSError:
                if monotonic() > deadline or process.poll() is not None:
                    pytest.fail(log.read_text("utf-8", errors="replace")[-2000:])
                sleep(0.1)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start the distribution's Chromium; Playwright brings none of its own.

    For the module only: while Playwright runs, this thread has an event loop, of which Django has to be told that it is
    none of its business, and beside which no other test could run its own.
    """
    executable = os.environ.get("QUIRE_CHROMIUM") or shutil.which("chromium")
    if executable is None:
        if os.environ.get("CI"):
            pytest.fail("no Chromium: install the package 'chromium'")
        pytest.skip("no Chromium: install the package 'chromium', or name one in QUIRE_CHROMIUM")
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Portal:
    """The portal in one tab. `faults` collects what the console complains of, the security policy's reports too."""

    url: str
    page: Page
    faults: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        self.page.goto(f"{self.url}{path}")

    def violations(self) -> list[str]:
        """Return what axe-core finds wrong with the page as it is, by rule and place."""
        # Injected by the browser's own protocol, past the page's security policy, which stays on for the page.
        self.page.evaluate(AXE.read_text("utf-8"))
        found = self.page.evaluate(
            "async () => (await axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']}))"
            ".violations.map(rule => `${rule.id}: ${rule.nodes.map(node => node.target.join(' ')).join(', ')}`)"
        )
        return [str(rule) for rule in found]


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who can sign in."""

    email: str
    tenant_id: UUID


@pytest.fixture
def member(browser: Browser, tenant: UUID) -> Member:
    email = f"{tenant.hex}@example.org"
    add_member(tenant_id=tenant, user_id=create_user(email=email, password=PASSWORD), role=Role.ADMIN)
    return Member(email=email, tenant_id=tenant)


@pytest.fixture(params=[(1440, 900, "light"), (390, 844, "dark")], ids=["desktop-light", "phone-dark"])
def context(request: pytest.FixtureRequest, browser: Browser) -> Iterator[BrowserContext]:
    width, height, scheme = request.param
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
    )
    context.set_default_timeout(20_000)
    yield context
    context.close()


@pytest.fixture
def stranger(server: str, context: BrowserContext) -> Iterator[Portal]:
    """A tab in which nobody has signed in. Any complaint of the console fails the test."""
    portal = Portal(url=server, page=context.new_page())

    def heard(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            portal.faults.append(message.text)

    portal.page.on("console", heard)
    portal.page.on("pageerror", lambda error: portal.faults.append(str(error)))
    yield portal
    assert portal.faults == []


@pytest.fixture
def portal(stranger: Portal, member: Member) -> Portal:
    """A tab in which the member has signed in."""
    stranger.go("/sign-in")
    stranger.page.get_by_label("E-mail address").fill(member.email)
    stranger.page.get_by_label("Password").fill(PASSWORD)
    stranger.page.get_by_role("button", name="Sign in").click()
    stranger.page.wait_for_url("**/documents")
    return stranger
