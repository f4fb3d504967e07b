"""`lema mode=rate` and `lema mode=undecided`: what people get to judge, from what is finished in the store."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from commands.small import SMALL
from commands.typed import Command
from rich.console import Console
from toys import lab

import lema.cli.modes
from lema.__main__ import main
from lema.base.errors import LemaError
from lema.base.protocols import Verifier
from lema.base.records import Judgement, Question, Solution, Verdict, dump, load
from lema.base.spec import spec
from lema.cli.grading import Undecided
from lema.cli.rate import correcting, export_undecided, rate
from lema.config.options import Options, Point, RateOptions
from lema.experiment.pipeline import pipeline
from lema.report.findings.agreement import Rating
from lema.stages.correct import Correct
from lema.store import Store


@spec
class Unsure(lab.LastWord):
    """Cannot read answers that end in 3."""

    kind = "unsure"

    def judge(self, text: str, question: Question) -> Judgement:
        found = super().judge(text, question)
        if found.answer is not None and found.answer.endswith("3"):
            return Judgement(verdict=Verdict.UNDECIDED, answer=found.answer)
        return found


@spec
class UnsureSums(lab.Sums):
    kind = "unsure_sums"

    @property
    def verifier(self) -> Verifier:
        return Unsure()


def said(handler: object, points: Sequence[Point], options: Options) -> str:
    out = io.StringIO()
    assert handler(points, options, Console(file=out, width=200)) == 0  # type: ignore[operator]
    return out.getvalue()


def ratings(rater: str, labels: str, sheet: str = "s1") -> bytes:
    names = {"e": "excellent", "g": "good", "p": "poor"}
    given = {"sheet": sheet, "items": 8, "rater": rater, "reasoner": "m"}
    return dump(Rating(**given, correction_id=f"c{k}", label=names[c]) for k, c in enumerate(labels))  # type: ignore[arg-type]


# The real command line


@pytest.fixture(scope="module")
def corrected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose store has the mistakes of the shipped model and their corrections, and nothing after them."""
    folder = tmp_path_factory.mktemp("people")
    kept: list[Point] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lema.cli.modes, "run", lambda points, _: kept.extend(points) or 0)
        assert main(["seed=0", *SMALL]) == 0
    (point,) = kept
    (correct,) = pipeline(point.experiment).material["corrections"]
    lab.run_stage(Store(folder / "store"), correct)
    return folder


def typed(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lema", "seed=0", *SMALL, f"store={folder / 'store'}", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_corrections_are_rated_and_what_raters_found_is_read_back(corrected: Path) -> None:
    done = typed(corrected, "mode=rate", "rate.sample=4", "rate.sheet=four.html")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"4 corrections: {corrected / 'four.html'}" in done.stdout and "rate.ratings=[" in done.stdout
    page = (corrected / "four.html").read_text()
    assert page.count("<article") == 4 and "http" not in page

    (corrected / "a.jsonl").write_bytes(ratings("Ada", "eegp"))
    (corrected / "b.jsonl").write_bytes(ratings("Bea", "eggp"))
    done = typed(corrected, "mode=rate", "rate.ratings=[a.jsonl,b.jsonl]")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Ada and Bea agree on 75.0 %" in done.stdout and "of 4 items; kappa 0.64" in done.stdout
    done = typed(corrected, "mode=rate", "rate.ratings=[a.jsonl]")
    assert done.returncode == 0 and "4 of 8" in done.stdout and "agree" not in done.stdout


def test_when_nothing_is_undecided_that_is_said_and_what_is_not_finished_too(corrected: Path) -> None:
    done = typed(corrected, "mode=undecided")
    assert (done.returncode, done.stderr) == (0, "")
    assert "None of 48 solutions of 1 finished stage(s) is undecided; no file is written." in done.stdout
    assert "2 more stage(s) are not finished" in done.stdout and not (corrected / "undecided.jsonl").exists()


def test_what_is_not_finished_names_the_stage_and_the_command(tmp_path: Path) -> None:
    for mode in ("rate", "undecided"):
        done = typed(tmp_path, f"mode={mode}")
        assert done.returncode == 2 and done.stdout == "" and len(done.stderr.splitlines()) == 1
        assert "not in the store" in done.stderr and "Run first: lema seed=0 debug=small" in done.stderr
        assert "mode=" not in done.stderr
    assert not list(tmp_path.iterdir())


# What is looked at


def test_an_experiment_without_corrections_has_nothing_to_rate(tmp_path: Path) -> None:
    with pytest.raises(LemaError, match=r"data_mix: mode=rate needs an experiment that makes corrections.*=cot "):
        rate(lab.points(["cot"]), Options(mode="rate", store=str(tmp_path)), Console())


def test_corrections_of_evolved_questions_are_among_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = Command(tmp_path, monkeypatch)
    words = "seed=0 evolution_strategy=general evolution_strategy.rounds=2"
    (point,) = command(words).points
    assert [stage.kind for stage in correcting(point)] == ["correct"] * 3


@pytest.fixture
def sweep(tmp_path: Path) -> tuple[Path, list[Point]]:
    points = lab.points(task=UnsureSums())
    for point in points:
        for correct in pipeline(point.experiment).material.get("corrections", ()):
            lab.run_stage(Store(tmp_path / "store"), correct)
    return tmp_path, points


def test_a_sheet_is_made_once_and_is_never_written_over(sweep: tuple[Path, list[Point]]) -> None:
    folder, points = sweep
    sheet = folder / "sheet.html"
    asked = Options(mode="rate", store=str(folder / "store"), rate=RateOptions(sample=5, sheet=str(sheet)))
    first, made = said(rate, points, asked), sheet.stat().st_mtime_ns
    assert said(rate, points, asked) == first and sheet.stat().st_mtime_ns == made
    other = Options(mode="rate", store=str(folder / "store"), rate=RateOptions(sample=6, sheet=str(sheet)))
    with pytest.raises(LemaError, match=r"rate\.sheet: .*sheet.html is there already"):
        rate(points, other, Console())
    nowhere = Options(mode="rate", store=str(folder / "store"), rate=RateOptions(sample=6, sheet=str(folder / "no/x")))
    with pytest.raises(LemaError, match=r"rate\.sheet: .*no/x cannot be written: No such file"):
        rate(points, nowhere, Console())


def test_every_undecided_solution_of_finished_stages_is_exported_once(sweep: tuple[Path, list[Point]]) -> None:
    folder, points = sweep
    store = Store(folder / "store")
    (correct,) = pipeline(points[-1].experiment).material["corrections"]
    base = pipeline(points[0].experiment).base[0]
    assert isinstance(correct, Correct)
    lab.run_stage(store, base)
    expected = [
        (store.address(stage), solution.id, solution.text)
        for stage in (base, correct.paths)
        for solution in store.get(stage).rows("solutions.jsonl", Solution)
        if solution.verdict is Verdict.UNDECIDED
    ]
    assert len({source for source, *_ in expected}) == 2
    path = folder / "undecided.jsonl"
    asked = Options(mode="undecided", store=str(store.root), undecided=str(path))
    text = said(export_undecided, points, asked)
    rows = list(load(path, Undecided))
    assert sorted((row.source, row.id, row.text) for row in rows) == sorted(expected)
    assert all(row.decision == "" and row.question and row.reference for row in rows)
    assert f"{len(rows)} of 500 solutions of 2 finished stage(s) are undecided: {path}" in text
    assert "4 more stage(s) are not finished" in text

    path.write_bytes(path.read_bytes().replace(b'"decision":""', b'"decision":"right"', 1))
    with pytest.raises(LemaError, match=r"undecided: .* is there already, and somebody's work may be in it"):
        export_undecided(points, asked, Console())
    assert json.loads(path.read_text().splitlines()[0])["decision"] == "right"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.jsonl": None}, "a.jsonl: there is no such file of ratings"),
        ({"a.jsonl": b""}, "a.jsonl: there are no ratings in it"),
        ({"a.jsonl": b"{}\n"}, "a.jsonl, line 1: not a Rating"),
        ({"a.jsonl": ratings("Ad\u00e9", "eg").decode().encode("latin-1")}, "a.jsonl, line 1: not a Rating"),
        ({"a.jsonl": ratings("Ada", "eg"), "b.jsonl": ratings("Ada", "gg")}, "both files are by 'Ada'"),
        ({"a.jsonl": ratings("Ada", "eg"), "b.jsonl": ratings("Bea", "gg", "s2")}, "Ada rated sheet s1 and Bea"),
    ],
)
def test_ratings_that_cannot_be_read_or_compared_are_refused_before_anything_is_printed(
    tmp_path: Path, files: dict[str, bytes | None], message: str
) -> None:
    for name, content in files.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
    asked = Options(mode="rate", rate=RateOptions(ratings=tuple(str(tmp_path / name) for name in files)))
    out = io.StringIO()
    with pytest.raises(LemaError, match=message):
        rate([], asked, Console(file=out))
    assert out.getvalue() == ""
