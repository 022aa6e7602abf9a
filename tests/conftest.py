import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from kerasearch.service.own_postgresql import OwnPostgreSQL, own_postgresql

OpenPage = Callable[..., Any]
TESTS = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker runs all of a file, so that what the file shares is made once; one runs all of
    acceptance/, which shares the service.
    """
    for item in items:
        file = item.path.relative_to(TESTS)
        name = file.parts[0] if file.parts[0] == "acceptance" else str(file)
        item.add_marker(pytest.mark.xdist_group(name))


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Headless Chromium; a test that needs it is skipped where there is none."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=[
                "--no-sandbox",  # root has none
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[OwnPostgreSQL]:
    """A server of our own; a test that needs it is skipped where there is none."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(own_postgresql(durable=False))
        except FileNotFoundError as error:
            pytest.skip(str(error))
        yield server


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Iterator[OpenPage]:
    """Opens an address in a browser that has never been anywhere, and waits until it shows texts.

    A picture of the page is left in the test's temporary folder, also when a text never comes.
    """
    contexts = []

    def open_page(url: str, *texts: str, picture: str | None = None) -> Any:
        context = browser.new_context(viewport={"width": 1400, "height": 900})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        try:
            page.goto(url)
            for text in texts:
                page.get_by_text(text, exact=True).first.wait_for()
            if picture is not None:
                shown = page.locator(picture).first
                shown.wait_for()
                page.wait_for_function(
                    "image => image.naturalWidth > 0", arg=shown.element_handle()
                )
        finally:
            page.screenshot(path=tmp_path / f"page{len(contexts)}.png")
        return page

    yield open_page
    for context in contexts:
        context.close()
