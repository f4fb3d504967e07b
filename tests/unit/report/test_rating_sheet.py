"""The rating sheet: what is on it, and that a rater can fill it in a real browser."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest
from reading.pages import run_page
from toys.lab import experiment, run_stage
from toys.report import HOSTILE, material

from lema.base.errors import InputError
from lema.base.records import Correction
from lema.experiment.pipeline import pipeline
from lema.report.findings.agreement import Rating, counts, read_ratings
from lema.report.output.rating import LABELS, Item, Sheet, item, render, sample, shares, write_sheet
from lema.store import Artifact, Store


def items(count: int = 14) -> tuple[Item, ...]:
    questions, paths, corrections = material(count)
    return tuple(item(questions[c.question_id], p, c) for p, c in zip(paths, corrections, strict=True))


def of(reasoner: str, count: int) -> list[Item]:
    return [
        Item(
            id=f"{reasoner}-{k:03}",
            reasoner=reasoner,
            question="?",
            reference="1",
            wrong=(),
            step=None,
            explanation="",
            corrected=(),
        )
        for k in range(count)
    ]


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    store = Store(tmp_path_factory.mktemp("rating") / "store")
    (stage,) = pipeline(experiment("cot_and_corrections", 0)).material["corrections"]
    run_stage(store, stage)
    return store.get(stage)


# Sampling


def test_each_reasoner_has_its_share_of_the_sample() -> None:
    drawn = sample([*of("large", 300), *of("small", 80), *of("tiny", 20)], 50, seed=0)
    assert Counter(one.reasoner for one in drawn) == {"large": 38, "small": 10, "tiny": 2}
    assert len({one.id for one in drawn}) == 50


@pytest.mark.parametrize(("sizes", "n"), [([1, 1, 1], 2), ([7, 2, 1], 5), ([5], 5), ([999, 1], 50), ([3, 3], 6)])
def test_shares_are_whole_sum_to_n_and_never_exceed_what_there_is(sizes: list[int], n: int) -> None:
    found = shares(sizes, n)
    assert sum(found) == n
    assert all(
        share <= size and abs(share - n * size / sum(sizes)) < 1 for share, size in zip(found, sizes, strict=True)
    )


def test_a_sample_depends_on_its_seed_and_not_on_the_order_of_what_it_is_drawn_from() -> None:
    everything = [*of("a", 60), *of("b", 60)]
    assert sample(everything, 20, seed=1) == sample(everything[::-1], 20, seed=1)
    assert sample(everything, 20, seed=1) != sample(everything, 20, seed=2)


def test_every_item_can_be_drawn_and_all_equally_often() -> None:
    times = Counter(one.id for seed in range(400) for one in sample(of("a", 10), 3, seed))
    assert len(times) == 10 and all(80 < count < 160 for count in times.values())  # 120 expected, sd 9


def test_more_than_there_is_cannot_be_rated(artifact: Artifact, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"5000 are to be rated: lower rate\.sample"):
        write_sheet(tmp_path / "rating.html", [artifact], n=5000)
    assert not (tmp_path / "rating.html").exists()


# The page


def test_a_sheet_of_a_finished_stage_holds_accepted_corrections_only(artifact: Artifact, tmp_path: Path) -> None:
    sheet = write_sheet(tmp_path / "rating.html", [artifact], n=12, seed=3)
    accepted = {correction.id for correction in artifact.rows("corrections.jsonl", Correction)}
    assert len(sheet.items) == 12 and {one.id for one in sheet.items} < accepted
    page = (tmp_path / "rating.html").read_text()
    assert page == render(sheet) and page.count("<article") == 12
    assert str(artifact.path) not in page


def test_the_page_is_self_contained_and_text_of_models_stays_text() -> None:
    page = render(Sheet(items=items()))
    assert HOSTILE not in page and "alert('x')" not in page
    assert not re.search(r"""(?:src|href)=["']|@import|url\(|https?://""", page)


def test_who_made_the_mistake_is_not_shown_to_the_rater(tmp_path: Path) -> None:
    drawn = tuple(
        Item(**{name: getattr(one, name) for name in one.__struct_fields__} | {"reasoner": "llama-9"})
        for one in items(3)
    )
    (tmp_path / "page.html").write_text(render(Sheet(items=drawn)))
    assert "llama-9" not in run_page(tmp_path / "page.html", "report(document.body.innerText)")


FILL = """
addEventListener("load", async () => {
  const event = (name) => new KeyboardEvent("keydown", { key: name, bubbles: true });
  const key = (name, on = document.body) => on.dispatchEvent(event(name));
  const type = (field, text) => { field.value = text; field.dispatchEvent(new Event("input", { bubbles: true })); };
  const text = (id) => document.getElementById(id).textContent;
  if (!sessionStorage.getItem("filled")) {
    document.getElementById("download").click();
    const refused = text("said");
    type(document.getElementById("rater"), "Ada L.");
    key("1"); key("2");                                   // the first two, by keyboard
    key("j");                                             // over the third
    document.querySelector("#item-3 input[value=poor]").click();
    const comment = document.querySelector("#item-3 textarea");
    comment.focus();
    type(comment, 'no: "5 < 7"\\nand so on');
    key("1", comment);                                    // writes, and rates nothing
    key("Escape", comment);
    key("k"); key("3");                                   // back to the third
    key("x");
    sessionStorage.setItem("filled", JSON.stringify([refused, text("count")]));
    location.reload();
    return;
  }
  const files = [];
  URL.createObjectURL = (blob) => { files.push(blob); return "#"; };
  const names = [];
  HTMLAnchorElement.prototype.click = function () { names.push(this.download); };
  document.getElementById("download").click();
  report({ before: JSON.parse(sessionStorage.getItem("filled")), after: text("count"), said: text("said"),
           name: names[0], file: await files[0].text(), rater: document.getElementById("rater").value });
});
"""


def test_a_rater_fills_the_form_by_keys_and_mouse_loses_nothing_on_reload_and_gets_the_file(tmp_path: Path) -> None:
    sheet = Sheet(items=items(6))
    (tmp_path / "page.html").write_text(render(sheet))
    found = run_page(tmp_path / "page.html", FILL)
    assert found["before"] == ["Enter your name first.", "4 of 6 rated"]
    assert (found["after"], found["rater"]) == ("4 of 6 rated", "Ada L.")
    assert found["said"] == "2 not rated: the file holds the other 4."
    assert found["name"] == f"ratings-{sheet.id}-Ada_L_.jsonl"
    path = tmp_path / found["name"]
    path.write_text(found["file"])
    ratings = read_ratings(path)
    assert [rating.label for rating in ratings] == ["excellent", "good", "poor", "poor"]
    assert [rating.correction_id for rating in ratings] == [one.id for one in sheet.items[:4]]
    assert ratings[3] == Rating(
        sheet=sheet.id,
        items=6,
        rater="Ada L.",
        correction_id=sheet.items[3].id,
        reasoner="toy",
        label="poor",
        comment='no: "5 < 7"\nand so on',
    )
    assert counts(ratings).labels == {"excellent": 1, "good": 1, "poor": 2}


def test_the_labels_of_the_page_are_those_of_the_reader(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(render(Sheet(items=items(1))))
    values = run_page(
        tmp_path / "page.html", "report([...document.querySelectorAll('[name=label-0]')].map((radio) => radio.value))"
    )
    assert values == list(LABELS)
    line = {"sheet": "s", "items": 1, "rater": "r", "correction_id": "c", "reasoner": "m", "label": "perfect"}
    (tmp_path / "x.jsonl").write_text(json.dumps(line))
    with pytest.raises(InputError, match=r"x\.jsonl, line 1: .*label"):
        read_ratings(tmp_path / "x.jsonl")
