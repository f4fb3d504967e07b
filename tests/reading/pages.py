"""A page in headless Chromium, without network."""

from __future__ import annotations

import html
import json
import re
import subprocess
from pathlib import Path
from typing import Any

from conftest import lacking
from servers.browser import find_chromium

#: Put at the end of a page: `report(value)` says what a test wants to know, with the errors of the page.
HOOK = """<script>
const ERRORS = [];
addEventListener("error", (event) => ERRORS.push(event.message));
addEventListener("unhandledrejection", (event) => ERRORS.push(String(event.reason)));
function report(value) {
  const out = document.createElement("pre");
  out.id = "reported";
  out.textContent = JSON.stringify({ value, errors: ERRORS });
  document.body.append(out);
}
</script>
<script>%s</script>
</body>"""


def run_page(page: Path, script: str) -> Any:
    """What `script` reports when it runs in the page; the page must have no errors."""
    hooked = page.with_name(f"hooked-{page.name}")
    hooked.write_text(page.read_text().replace("</body>", HOOK % script))
    dom = chromium(hooked, "--dump-dom", "--virtual-time-budget=20000")
    found = re.search(r'<pre id="reported">(.*?)</pre>', dom, re.DOTALL)
    assert found, dom[-2000:]
    reported = json.loads(html.unescape(found[1]))
    assert reported["errors"] == []
    return reported["value"]


def chromium(page: Path, *options: str) -> str:
    """Open a page with a fresh profile that cannot reach any host; standard output."""
    browser = find_chromium()
    if browser is None:
        lacking("Chromium")
        raise AssertionError
    given = ["--headless", "--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND"]
    given += ["--no-first-run", f"--user-data-dir={page.parent / 'profile'}", *options, page.as_uri()]
    done = subprocess.run([browser, *given], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
