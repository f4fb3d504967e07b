"""What a page says of itself in headless Chromium, without network."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from conftest import lacking, package

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


def run_page(page: Path, script: str, *, seconds: float = 120) -> Any:
    """What `script` reports when it runs in the page, be it after a reload; the page must have no errors."""
    package("aiohttp")
    from servers.browser import chromium, find_chromium

    binary = find_chromium()
    if binary is None:
        lacking("Chromium")
        raise AssertionError
    hooked = page.with_name(f"hooked-{page.name}")
    hooked.write_text(page.read_text().replace("</body>", HOOK % script))

    async def reported() -> str:
        until = time.monotonic() + seconds
        async with chromium(binary, page.parent) as tab:
            await tab.open(hooked, width=1300, dark=False)
            while time.monotonic() < until:
                with suppress(AssertionError):  # between two loads there is no page to ask
                    said: str | None = await tab.evaluate("document.getElementById('reported')?.textContent ?? null")
                    if said is not None:
                        return said
                await asyncio.sleep(0.05)
            raise AssertionError(f"the page reported nothing in {seconds:g} s; it said {tab.said}")

    found = json.loads(asyncio.run(reported()))
    assert found["errors"] == []
    return found["value"]
