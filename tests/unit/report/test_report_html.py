"""report.html: self-contained, escaped, complete, and the same each time."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import msgspec
import pytest
from toys.report import HOSTILE, toy_report

from lema.report.findings.compare import compare
from lema.report.findings.results import ArmResult
from lema.report.model import Report
from lema.report.output.html import render_html
from lema.report.tables.text import duration

VOID = {"meta", "br", "link", "img", "hr", "input"}


class Tags(HTMLParser):
    """Checks that tags nest, and keeps the attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()


@pytest.fixture(scope="module")
def page() -> str:
    return render_html(toy_report())


def test_the_page_is_well_formed_and_asks_for_nothing_from_outside(page: str) -> None:
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in tags.seen}
    for tag, attributes in tags.seen:
        for name, value in attributes.items():
            assert not name.startswith("on"), f"<{tag} {name}>"
            if name in {"src", "href", "xlink:href", "action"}:
                assert (value or "").startswith("#"), f"<{tag} {name}={value}>"
    assert not re.search(r"@import|url\((?!#)", page)


def test_everything_from_outside_is_escaped(page: str) -> None:
    assert HOSTILE not in page and "<script" not in page
    assert page.count("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; [bold]not markup[/bold]") == 2


def test_hostile_names_of_arms_stay_text_in_the_figures_too() -> None:
    report = toy_report()
    evil = r"&</text><script>$\frac$"
    arms = tuple(msgspec.structs.replace(arm, arm=arm.arm.replace("cot", evil)) for arm in report.arms)
    comparisons = tuple(
        msgspec.structs.replace(c, arm=c.arm.replace("cot", evil), baseline=c.baseline.replace("cot", evil))
        for c in report.comparisons
    )
    changed = msgspec.structs.replace(report, arms=arms, comparisons=comparisons, curves=(), baseline=evil)
    page = render_html(changed)
    tags = Tags()
    tags.feed(page)
    assert tags.open == [] and "<script" not in page
    for figure in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        assert r"$\frac$" in figure and "&lt;script" in figure


def test_all_numbers_are_on_the_page(page: str) -> None:
    report = toy_report()
    for arm in report.arms:
        assert f"{100 * arm.accuracy:.1f} %" in page and f"{100 * arm.low:.1f} % to {100 * arm.high:.1f} %" in page
    for c in report.comparisons:
        assert f"{100 * c.difference:+.1f}" in page and c.verdict in page
    assert report.comparisons[0].words in page
    for shown in ("2,391", "rejected: wrong answer", "182,340", "first wrong step", "with uncommitted changes"):
        assert shown in page
    assert page.count("<article>") == 10


def test_figures_follow_the_theme_and_keep_text_as_text(page: str) -> None:
    figures = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(figures) == 3
    for figure in figures:
        assert "<text" in figure and "var(--ink)" in figure
        assert not re.search(r"#0[0-9a-f]0[0-9a-f]0[0-9a-f]", figure), "a stand-in colour is left"
    assert not re.search(r"#000000|: black", page)


def test_the_page_is_small_and_the_same_each_time(page: str) -> None:
    assert len(page.encode()) < 200_000
    assert render_html(toy_report()) == page


@pytest.mark.parametrize("gain", [0.0, 1.0])
def test_a_report_with_one_arm_and_nothing_else_renders(gain: float) -> None:
    right = {f"q{i}": i < 50 * gain for i in range(50)}

    arms, comparisons = compare([ArmResult(arm="cot", seed=0, right=right)])
    report = Report(title="t", question="q?", baseline="cot", base=None, arms=arms, comparisons=comparisons)
    page = render_html(report)
    assert "nothing to compare" in page and f"{100 * gain:.1f} %" in page


@pytest.mark.parametrize(("seconds", "said"), [(3.21, "3.2 s"), (61, "1 min 1 s"), (7385, "2 h 3 min")])
def test_durations_are_said_as_people_say_them(seconds: float, said: str) -> None:
    assert duration(seconds) == said
