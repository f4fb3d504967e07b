"""The page in a real browser without network: no error, nothing asked for, and all of it can be read."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from conftest import lacking, package
from toys.report import toy_report
from toys.sweep import toy_sweep

from lema.report.output.html import render_html

REPORTS = {"toy": toy_report, "sweep": toy_sweep}
LARGEST = 2 * 1024**2

#: Pairs of labels within one figure whose boxes overlap by more than a pixel each way.
OVERLAPS = """
[...document.querySelectorAll('svg')].flatMap((svg, number) => {
  const boxes = [...svg.querySelectorAll('text')].map(text => [text.textContent, text.getBoundingClientRect()]);
  const shared = (low, high, p, q) => Math.min(p[high], q[high]) - Math.max(p[low], q[low]);
  return boxes.flatMap(([a, p], i) => boxes.slice(i + 1).flatMap(([b, q]) =>
    shared('left', 'right', p, q) > 1 && shared('top', 'bottom', p, q) > 1 ? [[number, a, b]] : []));
})
"""
#: Labels that stick out of their figure.
OUTSIDE = """
[...document.querySelectorAll('svg')].flatMap(svg => {
  const page = svg.getBoundingClientRect();
  return [...svg.querySelectorAll('text')].filter(text => {
    const box = text.getBoundingClientRect();
    const out = [page.left - box.left, box.right - page.right, page.top - box.top, box.bottom - page.bottom];
    return Math.max(...out) > 2;
  }).map(text => text.textContent);
})
"""
#: The least contrast (WCAG) of any visible text of the page against the page, with the element that has it.
CONTRAST = """
(() => {
  const light = colour => colour.match(/[\\d.]+/g).slice(0, 3).map(Number)
    .map(c => c / 255).map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const page = light(getComputedStyle(document.body).backgroundColor);
  const texts = [...document.querySelectorAll('p, td, th, li, h1, h2, h3, figcaption, summary, dt, dd')];
  const all = texts.map(e => [light(getComputedStyle(e).color), e.textContent.slice(0, 40)])
    .concat([...document.querySelectorAll('svg text')].map(e => [light(getComputedStyle(e).fill), e.textContent]))
    .map(([l, text]) => [(Math.max(l, page) + 0.05) / (Math.min(l, page) + 0.05), text]);
  return all.sort((a, b) => a[0] - b[0])[0];
})()
"""
#: Heads of tables that are cut at the page's edge and scroll.
CUT = """
[...document.querySelectorAll('.scroll')].filter(part => part.scrollWidth > part.clientWidth)
  .map(part => [...part.querySelectorAll('th')].map(head => head.textContent).join(', '))
"""
WIDER_THAN_THE_WINDOW = "document.documentElement.scrollWidth - window.innerWidth"


@pytest.fixture(scope="module")
def binary() -> str:
    package("aiohttp")
    from servers.browser import find_chromium

    found = find_chromium()
    if found is None:
        lacking("Chromium")
    assert found is not None
    return found


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    for name, report in REPORTS.items():
        (folder / f"{name}.html").write_text(render_html(report()))
    return {name: folder / f"{name}.html" for name in REPORTS}


def look(binary: str, path: Path, folder: Path, *, width: int, dark: bool) -> dict[str, Any]:
    """What the browser has to say about a page."""
    from servers.browser import chromium

    async def looked() -> dict[str, Any]:
        async with chromium(binary, folder) as page:
            await page.open(path, width=width, dark=dark)
            await page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
            scripts = {
                "overlaps": OVERLAPS,
                "outside": OUTSIDE,
                "contrast": CONTRAST,
                "wider": WIDER_THAN_THE_WINDOW,
                "cut": CUT,
            }
            found = {name: await page.evaluate(script) for name, script in scripts.items()}
            figures = await page.evaluate("document.querySelectorAll('svg').length")
            return {**found, "figures": figures, "asked": page.asked, "said": page.said}

    return asyncio.run(looked())


@pytest.mark.real
@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize(("width", "dark"), [(1300, False), (1300, True), (390, False), (390, True)])
def test_the_page_opens_without_network_and_everything_on_it_can_be_read(
    binary: str, pages: dict[str, Path], tmp_path: Path, name: str, width: int, dark: bool
) -> None:
    assert pages[name].stat().st_size <= LARGEST
    seen = look(binary, pages[name], tmp_path, width=width, dark=dark)
    assert seen["asked"] == [pages[name].as_uri()], "it asks for something beside itself"
    assert seen["said"] == []
    assert seen["figures"] >= 3 and seen["overlaps"] == [] and seen["outside"] == []
    assert seen["wider"] <= 0
    assert name == "sweep" or width < 1000 or seen["cut"] == [], "on a desk the tables of a small report are whole"
    assert seen["contrast"][0] >= 4.5


@pytest.mark.real
def test_the_look_finds_what_is_wrong_with_a_page(binary: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.html"
    path.write_text(
        "<!doctype html><body style='background: white'><p style='color: #ccc; width: 3000px'>pale</p>"
        "<svg width=100 height=50><text x=10 y=20>one</text><text x=12 y=21>two</text>"
        "<text x=90 y=40>far out</text></svg>"
        "<div class=scroll style='overflow-x: auto; width: 9em'><table><th>farTooManyLetters<th>andMore</table></div>"
        "<img src='http://lema.example/x.png'><script>nothing.there()</script></body>"
    )
    seen = look(binary, path, tmp_path, width=1300, dark=False)
    assert "http://lema.example/x.png" in seen["asked"] and "nothing is not defined" in str(seen["said"])
    assert seen["overlaps"] == [[0, "one", "two"]] and seen["outside"] == ["far out"]
    assert seen["cut"] == ["farTooManyLetters, andMore"]
    assert seen["wider"] > 1000 and seen["contrast"][0] < 2
