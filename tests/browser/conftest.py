"""The explorer in a process of its own, and Chromium that looks at it."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--use-gl=swiftshader")
FLAGS += ("--enable-unsafe-swiftshader",)
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
PATIENCE = 30_000  # milliseconds: scenes are drawn without a graphics card


def _module(path: Path) -> ModuleType:
    """A file of another folder of tests, which is in no package."""
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def made() -> ModuleType:
    """`write_spatial` and `write_weights`, which make surfaces up."""
    return _module(Path(__file__).parents[1] / "explorer" / "conftest.py")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Playwright's own Chromium, or the system's."""
    with sync_api.sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
        found = str(own) if own.exists() else next(filter(None, map(shutil.which, NAMES)), None)
        if found is None:
            pytest.skip("no Chromium: playwright install chromium, or apt-get install chromium")
        launched = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield launched
        launched.close()


@contextmanager
def explorer(*words: str | Path) -> Iterator[str]:
    """`landscape explore` on a free port; gives its address."""
    command = [sys.executable, "-m", "landscape", "explore", *map(str, words)]
    command += ["--no-browser", "--port", "0"]
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, env=env, **pipes) as process:
        try:
            yield process.stdout.readline().strip()
        finally:
            process.send_signal(signal.SIGTERM)
            _, error = process.communicate(timeout=30)
    assert "Traceback" not in error, error


class Visit:
    """A page of the explorer, and what it did behind the scenes.

    Attributes:
        page: of Playwright.
        address: of the explorer.
        requests: every address that was asked.
        errors: what went wrong in the page.
    """

    def __init__(self, page: Any, address: str) -> None:
        self.page, self.address = page, address
        self.requests: list[str] = []
        self.errors: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda said: self._heard(said.type, said.text))
        page.on("pageerror", lambda error: self._heard("error", str(error)))

    def _heard(self, kind: str, text: str) -> None:
        if kind == "error":
            self.errors.append(text)

    def go(self, query: str = "", ready: str = ".main-svg") -> Any:
        """Open a page and wait until there is something to see."""
        self.page.goto(self.address + "/" + query)
        self.page.wait_for_selector(ready)
        return self.page

    def text(self, selector: str, words: str) -> None:
        """Wait until a part of the page says something."""
        sync_api.expect(self.page.locator(selector)).to_contain_text(words, timeout=PATIENCE)

    def until(self, condition: str, argument: Any = None) -> None:
        """Wait until a function of the page is true."""
        self.page.wait_for_function(condition, arg=argument)

    @property
    def foreign(self) -> list[str]:
        """Addresses beyond this machine that were asked."""
        own = urlsplit(self.address).netloc
        schemes = ("data", "blob")
        parts = ((url, urlsplit(url)) for url in self.requests)
        return [url for url, p in parts if p.scheme not in schemes and p.netloc != own]


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[[str], Visit]]:
    """Pages whose errors and foreign requests fail the test."""
    visits: list[Visit] = []
    context = browser.new_context(viewport={"width": 1280, "height": 820})

    def begin(address: str) -> Visit:
        visits.append(Visit(context.new_page(), address))
        return visits[-1]

    yield begin
    context.close()
    for one in visits:
        assert one.requests
        assert one.foreign == []
        assert one.errors == []


@pytest.fixture(scope="session")
def explore() -> Callable[..., Any]:
    """Starts an explorer: `with explore(file, ...) as address`."""
    return explorer
