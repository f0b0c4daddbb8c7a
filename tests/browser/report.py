#!/usr/bin/env python3
"""The report in a real browser: every figure drew something, nothing overflows, no label is cut off or too small, the console is clean.

    tests/browser/report.py PAGE.html [...] [--pictures FOLDER]

Needs chromium and chromedriver (Debian: apt-get install chromium chromium-driver), and nothing else: it speaks WebDriver over HTTP.
Each page is opened wide (1280 px), on a narrow phone (375 px), and in print, in light and dark. --pictures keeps what was seen.
"""

import argparse
import base64
import json
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from contextlib import contextmanager
from pathlib import Path

CHROMIUM_FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars",
]
SIZES = {"wide": (1280, 900), "phone": (375, 812)}

# Problems of the open page, as texts.
CHECK = r"""
const problems = [];
const name = element => element.closest('figure, article, section')?.id || element.closest('section')?.id || element.tagName;
const root = document.documentElement;
if (root.scrollWidth > root.clientWidth) problems.push(`the page is ${root.scrollWidth} px wide in ${root.clientWidth} px`);
const figures = [...document.querySelectorAll('figure')];
if (figures.length < 18) problems.push(`only ${figures.length} figures`);
for (const figure of figures) {
  const svg = figure.querySelector('svg');
  const shown = svg ?? figure.querySelector(':scope > .rows table') ?? figure.querySelector(':scope > .absent');
  const box = shown?.getBoundingClientRect();
  if (!box || box.width < 40 || box.height < 12) { problems.push(`${figure.id} shows nothing`); continue; }
  if (figure.scrollWidth > figure.clientWidth + 1) problems.push(`${figure.id} is wider than its place`);
  if (!svg) continue;
  const shapes = [...svg.querySelectorAll('rect, path, circle')].filter(shape => { const b = shape.getBBox(); return b.width > 0.5 || b.height > 0.5; });
  if (shapes.length === 0) problems.push(`${figure.id} drew no shape`);
  if (!svg.querySelector('title')?.textContent || !svg.querySelector('desc')?.textContent) problems.push(`${figure.id} has no text alternative`);
  for (const shape of shapes) {
    const style = getComputedStyle(shape);
    if (style.fill === 'none' && style.stroke === 'none') problems.push(`${figure.id} has a shape that is not seen`);
    if (style.fill === 'rgb(0, 0, 0)') problems.push(`${figure.id} has a shape without a colour: ${shape.getAttribute('class')}`);
  }
  const whole = svg.getBoundingClientRect();
  for (const text of svg.querySelectorAll('text')) {
    const size = parseFloat(getComputedStyle(text).fontSize) * whole.width / svg.viewBox.baseVal.width;
    // What scrolls on a screen can only shrink on paper.
    const shrinks = matchMedia('print').matches && svg.style.getPropertyValue('--width');
    if (size < 9 && !shrinks) problems.push(`${figure.id} has text of ${size.toFixed(1)} px: ${text.getAttribute('class')}`);
    const b = text.getBoundingClientRect();
    if (b.left < whole.left - 1.5 || b.right > whole.right + 1.5 || b.top < whole.top - 1.5 || b.bottom > whole.bottom + 1.5)
      problems.push(`${figure.id} cuts off '${text.textContent}'`);
  }
}
for (const element of document.querySelectorAll('h1, h2, h3, p, li, summary, dd, dt, img, pre')) {
  const b = element.getBoundingClientRect();
  if (b.width > 0 && (b.right > root.clientWidth + 1 || b.left < -1)) problems.push(`${name(element)}: a ${element.tagName} leaves the page`);
}
for (const image of document.images) if (!(image.complete && image.naturalWidth > 0)) problems.push('a picture is broken');
for (const link of document.querySelectorAll('a[href^="#"]'))
  if (!document.getElementById(link.hash.slice(1))) problems.push(`${link.hash} leads nowhere`);
// Colours that cannot be told from what is behind them.
const luminance = colour => {
  const [r, g, b] = colour.match(/[\d.]+/g).slice(0, 3).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = element => { for (let e = element; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (!/, 0\)$|transparent/.test(c)) return c; } return 'rgb(255, 255, 255)'; };
for (const element of document.querySelectorAll('h1, h2, h3, p, dd, dt, figcaption, a, td, th, summary, .legend li')) {
  const [one, other] = [luminance(getComputedStyle(element).color), luminance(behind(element))].sort((a, b) => b - a);
  if ((one + 0.05) / (other + 0.05) < 4.5) problems.push(`${name(element)}: ${element.tagName} is too faint`);
}
return [...new Set(problems)];
"""


class Browser:
    """One browser window, by way of chromedriver."""

    def __init__(self, port, size, profile):
        options = {
            "args": [*CHROMIUM_FLAGS, f"--user-data-dir={profile}"],
            "mobileEmulation": {"deviceMetrics": {"width": size[0], "height": size[1], "pixelRatio": 1, "mobile": size[0] < 500}},
        }
        capabilities = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        self.base = f"http://127.0.0.1:{port}/session"
        self.base += "/" + self.call("POST", "", {"capabilities": {"alwaysMatch": capabilities}})["sessionId"]

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=120) as response:
            return json.load(response)["value"]

    def devtools(self, command, **parameters):
        return self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def show(self, page, scheme, medium):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.devtools("Emulation.setEmulatedMedia", media="print" if medium == "print" else "screen", features=features)
        self.call("POST", "/url", {"url": page.resolve().as_uri()})

    def problems(self):
        # What is folded away must fit as well.
        self.call("POST", "/execute/sync", {"script": "document.querySelectorAll('img').forEach(i => i.loading = 'eager')", "args": []})
        wait = "const done = arguments[0]; Promise.all([...document.images].map(i => i.decode().catch(() => null))).then(() => done(1))"
        self.call("POST", "/execute/async", {"script": wait, "args": []})
        found = self.call("POST", "/execute/sync", {"script": CHECK, "args": []})
        self.call("POST", "/execute/sync", {"script": "document.querySelectorAll('details').forEach(d => d.open = true)", "args": []})
        found += [f"{problem} (unfolded)" for problem in self.call("POST", "/execute/sync", {"script": CHECK, "args": []})]
        self.call("POST", "/execute/sync", {"script": "document.querySelectorAll('details').forEach(d => d.open = false)", "args": []})
        return found + [f"console: {entry['message']}" for entry in self.call("POST", "/se/log", {"type": "browser"})]

    def picture(self):
        return base64.b64decode(self.devtools("Page.captureScreenshot", captureBeyondViewport=True, **self.whole_page())["data"])

    def whole_page(self):
        size = self.devtools("Page.getLayoutMetrics")["cssContentSize"]
        return {"clip": {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}}

    def close(self):
        self.call("DELETE", "")


@contextmanager
def driver():
    process = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True)
    try:
        for line in process.stdout:
            if found := re.search(r"started successfully on port (\d+)", line):
                yield int(found[1])
                return
        raise SystemExit("chromedriver did not start")
    finally:
        process.terminate()


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("pages", nargs="+", type=Path)
    arguments.add_argument("--pictures", type=Path)
    given = arguments.parse_args()
    if not shutil.which("chromedriver"):
        raise SystemExit("chromedriver is missing (Debian: apt-get install chromium chromium-driver)")
    failed = 0
    with driver() as port:
        for size_name, size in SIZES.items():
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
                browser = Browser(port, size, profile)
                for page in given.pages:
                    for scheme, medium in [("light", "screen"), ("dark", "screen"), ("light", "print")]:
                        browser.show(page, scheme, medium)
                        found = browser.problems()
                        failed += len(found)
                        view = "-".join([page.stem, size_name, medium if medium == "print" else scheme])
                        print(f"{view}: {'ok' if not found else ''}", *found, sep="\n  ")
                        if given.pictures:
                            given.pictures.mkdir(parents=True, exist_ok=True)
                            (given.pictures / f"{view}.png").write_bytes(browser.picture())
                browser.close()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
