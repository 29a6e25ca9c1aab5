"""Pages in a real browser: Chromium of the system, driven by playwright, watched all the time."""

import shutil
from contextlib import contextmanager

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")

try:
    from playwright.sync_api import sync_playwright
except ImportError:
    sync_playwright = None

WHY_NOT = (
    "chromium is not installed" if BROWSER is None else "playwright is not installed"
    if sync_playwright is None else ""
)  # fmt: skip


class Watched:
    """What a page complained of, and what it asked of other machines."""

    def __init__(self, page, own):
        self.complaints, self.strangers = [], []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self._request(request.url, own))

    def _console(self, message):
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _request(self, url, own):
        if not url.startswith((own, "data:", "blob:")):
            self.strangers.append(url)


@contextmanager
def browser():
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield started
        started.close()


@contextmanager
def opened(started, address, *, own, **options):
    """A page at ``address``; afterwards it must have complained of nothing, and asked nobody."""
    context = started.new_context(**{"viewport": {"width": 1200, "height": 1000}, **options})
    context.set_default_timeout(60_000)
    page = context.new_page()
    watched = Watched(page, own)
    page.goto(address)
    yield page
    context.close()
    assert watched.complaints == []
    assert watched.strangers == []
