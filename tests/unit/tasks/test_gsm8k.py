"""GSM8K from files and from the hub's loader."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import package

from lema.base.errors import ConfigError, InputError
from lema.base.spec import key
from lema.tasks.gsm8k import Gsm8k, normalised
from lema.verifiers.numbers import Numbers

ROWS = [
    {"question": "Mia had  7 pens.\nShe bought 5. How many?", "answer": "Mia has 7+5=<<7+5=12>>12 pens.\n#### 12"},
    {"question": "A car costs $1,000. Two?", "answer": "It is 2*1,000=$<<2*1000=2000>>2,000\n\n#### 2,000"},
    {"question": "It was -2 degrees and fell by 3. Now?", "answer": "-2-3=<<-2-3=-5>>-5\n#### -5"},
]
CARD = (
    "---\nconfigs:\n- config_name: main\n  data_files:\n"
    "  - {split: train, path: train.jsonl}\n  - {split: test, path: test.jsonl}\n---\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    (tmp_path / "test.jsonl").write_text(json.dumps(ROWS[1]) + "\n")
    return tmp_path


def local(folder: Path, **fields: str) -> Gsm8k:
    return Gsm8k(verifier=Numbers(), path=str(folder), **fields)


def test_a_row_becomes_a_question_with_a_plain_answer(folder: Path) -> None:
    first, second, third = local(folder).questions("train")
    assert (first.text, first.answer, first.solution) == (ROWS[0]["question"], "12", ROWS[0]["answer"])
    assert (second.answer, third.answer) == ("2000", "-5")


def test_slices_are_by_position(folder: Path) -> None:
    task = local(folder)
    everything = task.questions("train")
    assert task.questions("train", 1) == everything[1:]
    assert task.questions("train", 1, 2) == everything[1:2]


def test_files_and_the_hub_loader_give_the_same_questions(folder: Path) -> None:
    package("datasets")
    (folder / "README.md").write_text(CARD)
    hub = Gsm8k(verifier=Numbers(), hub=str(folder), revision="0" * 40)
    assert hub.questions("train") == local(folder).questions("train")
    assert hub.questions("test", 0, 1) == local(folder).questions("test", 0, 1)


def test_ids_are_of_the_text_and_not_of_place_or_white_space(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    row = {"question": " Mia had 7 pens. She bought 5. How many?", "answer": "#### 12", "source": "elsewhere"}
    (other / "test.jsonl").write_text(json.dumps(row) + "\n")
    assert local(other).questions("test")[0].id == local(folder).questions("train")[0].id


def test_the_key_follows_content_and_revision_and_not_the_place(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in ("train.jsonl", "test.jsonl"):
        (copy / file).write_bytes((folder / file).read_bytes())
    assert key(local(copy)) == key(local(folder))
    (copy / "test.jsonl").write_text(json.dumps(ROWS[2]) + "\n")
    assert key(local(copy)) != key(local(folder))
    one, two = (Gsm8k(verifier=Numbers(), revision=digit * 40) for digit in "ab")
    assert key(one) != key(two)
    assert key(local(folder, revision="a" * 40)) == key(local(folder))  # the hub is not used


@pytest.mark.parametrize("revision", [None, "main", "abc", "A" * 40])
def test_a_floating_revision_is_refused(revision: str | None) -> None:
    with pytest.raises(ConfigError, match=r"task\.revision.*pinned"):
        Gsm8k(verifier=Numbers(), revision=revision).check()


FAULTY = [
    ("not json", "line 2"),
    ('{"question": "How many?"}', "line 2"),
    ('{"question": 5, "answer": "#### 1"}', "line 2"),
    ('{"question": "How many?", "answer": "many"}', "line 2.*####"),
    ('{"question": "How many?", "answer": "#### many"}', "line 2.*'many' is no number"),
    ('{"question": "How many?", "answer": "####"}', "line 2"),
    ('{"question": " ", "answer": "#### 1"}', "line 2"),
    (json.dumps(ROWS[1]), "more than once"),
]


@pytest.mark.parametrize(("line", "message"), FAULTY)
def test_a_malformed_row_is_an_error_with_file_and_line(folder: Path, line: str, message: str) -> None:
    with (folder / "test.jsonl").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(InputError, match=message):
        local(folder).questions("test")


def test_missing_data_and_impossible_slices_are_errors(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no file of gsm8k"):
        local(tmp_path / "nowhere").questions("test")
    with pytest.raises(InputError, match="holds no file of gsm8k"):
        local(tmp_path / "nowhere").fingerprint()
    for start, stop in ((0, 4), (3, None), (5, 6)):
        with pytest.raises(InputError, match="there are 3"):
            local(folder).questions("train", start, stop)
    with pytest.raises(InputError, match="no split 'dev'"):
        local(folder).questions("dev")
    (folder / "test.jsonl").unlink()
    with pytest.raises(InputError, match=r"test\.jsonl is missing"):
        local(folder).questions("test")


def test_no_network_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package("datasets")
    gone = Gsm8k(verifier=Numbers(), hub=str(tmp_path / "gone"), revision="0" * 40)
    with pytest.raises(InputError, match=r"could not be loaded.*task\.path"):
        gone.questions("test")


def test_the_reference_path_is_the_normalised_solution_and_its_answer(folder: Path) -> None:
    task = local(folder)
    steps = [task.steps(question) for question in task.questions("train")]
    assert steps == [
        ["Mia has 7 + 5 = 12 pens.", "The answer is 12."],
        ["It is 2 * 1,000 = $2,000.", "The answer is 2000."],
        ["-2 - 3 = - 5.", "The answer is -5."],
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a hip-hop song", "a hip - hop song."),
        ("80 miles/hour", "80 miles / hour."),
        ("it is +14 = 14", "it is +14 = 14."),
        ("3+4=<<3+4=7>>7", "3 + 4 = 7."),
        ("x=5.", "x = 5."),
        ("  two   spaces  ", "two spaces."),
        ("<<3+4=7>>", ""),
    ],
)
def test_a_line_is_spaced_as_in_the_authors_files(line: str, expected: str) -> None:
    assert normalised(line) == expected
