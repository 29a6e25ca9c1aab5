"""How long the explorer takes from a drag to the changed page, in headless Chromium.

    python bench/explore.py

Needs the extra explore, playwright and Chromium. A slider is moved from 14 to 47 layers; what is
timed ends with the frame after the page has changed, drawing included. Beside it, in the same run:
the same page with every arc an element of its own, as the report has it.
"""

import re
import shutil
import statistics
import subprocess
import sys
import time

from playwright.sync_api import sync_playwright

DRAG = """([depth, isNamed]) => new Promise((done) => {
  const slider = document.getElementById("control-d-"), start = performance.now();
  const before = document.body.dataset.spec;
  const seen = new MutationObserver(async () => {
    if (document.body.dataset.spec === before) return;
    seen.disconnect();
    if (isNamed) {
      const query = new URLSearchParams({ spec: document.body.dataset.spec });
      const found = await (await fetch(`/api/drawing?${query}`)).json();
      document.getElementById("drawing").innerHTML = found.svg;
    }
    requestAnimationFrame(() => done(performance.now() - start));
  });
  seen.observe(document.body, { attributes: true });
  slider.value = depth;
  slider.dispatchEvent(new Event("input", { bubbles: true }));
})"""


def drags(page, *, is_named):
    """Milliseconds of each drag."""
    times = []
    for depth in range(14, 48):
        times.append(page.evaluate(DRAG, [str(depth), is_named]))
        time.sleep(0.05)
    page.evaluate(DRAG, ["13", False])
    return times


def told(name, times):
    """One line."""
    times = sorted(times)
    late = times[int(0.95 * len(times))]
    print(f"{name:32s} median {statistics.median(times):5.0f} ms   95 % {late:5.0f} ms   "
          f"most {times[-1]:5.0f} ms   n {len(times)}")  # fmt: skip
    return statistics.median(times)


def main():
    """Start a server, drag, stop it."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "nnmass", "explore", "--no-browser", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        address = re.search(r"http://\S+", server.stderr.readline()).group()
        print(f"ready after {time.perf_counter() - start:.1f} s")
        with sync_playwright() as driver:
            browser = driver.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            page = browser.new_page(viewport={"width": 1400, "height": 1000})
            page.goto(address)
            page.wait_for_selector("body[data-ready]")
            page.wait_for_selector("#front .main-svg")
            time.sleep(2)
            ours = told("a drag, 14 to 47 layers", drags(page, is_named=False))
            plain = told("with every arc named", drags(page, is_named=True))
            print(f"ratio {plain / ours:.1f}")
            browser.close()
        server.terminate()


if __name__ == "__main__":
    main()
