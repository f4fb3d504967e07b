"""Recorded texts: which prompt gets which, what counts for identity, and what is wrong with a file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from lema.base.errors import ConfigError, InputError
from lema.base.protocols import Prompt, Reply, Sampling
from lema.base.spec import key
from lema.engines.recorded import Recorded

ROWS: list[dict[str, Any]] = [
    {"q": "2 + 2?", "by": "small", "path": "one", "said": "It is 5.", "sure": True, "size": 1},
    {"q": "3 + 3?", "by": "small", "path": "one", "said": "It is 7.", "sure": False, "size": 1},
    {"q": "2 + 2?", "by": "large", "path": "two", "said": "It is 4.\n\nQuestion: 1 + 1?", "sure": True, "size": 70},
    {"q": "2 + 2?", "by": "small", "path": "two", "said": "It is 3.", "sure": False, "size": 1},
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def recorded(file: Path, **fields: Any) -> Recorded:
    return Recorded(**{"path": str(file), "text": "said", "match": {"question": "q"}, **fields})


def about(question: str, **fields: str) -> Prompt:
    return Prompt(id=question, text=f"Question: {question}", fields={"question": question, **fields})


def asked(engine: Recorded, *prompts: Prompt, **sampling: Any) -> list[list[str]]:
    with engine.open() as complete:
        return [[reply.text for reply in replies] for replies in complete(prompts, Sampling(**sampling))]


def test_a_prompt_gets_its_texts_in_file_order_and_at_most_n(file: Path) -> None:
    four = ["It is 5.", "It is 4.\n\nQuestion: 1 + 1?", "It is 3."]
    assert asked(recorded(file), about("3 + 3?"), about("2 + 2?"), n=9) == [["It is 7."], four]
    assert asked(recorded(file), about("3 + 3?"), about("2 + 2?"), n=2) == [["It is 7."], four[:2]]


def test_rows_are_matched_by_all_fields_that_are_named(file: Path) -> None:
    engine = recorded(file, match={"question": "q", "solution": "path"})
    assert asked(engine, about("2 + 2?", solution="two"), n=9) == [["It is 4.\n\nQuestion: 1 + 1?", "It is 3."]]
    assert asked(engine, about("2 + 2?", solution="one")) == [["It is 5."]]


@pytest.mark.parametrize(
    ("where", "texts"),
    [
        ({"by": "small"}, ["It is 5.", "It is 3."]),
        ({"by": "small", "sure": True}, ["It is 5."]),
        ({"size": 1}, ["It is 5.", "It is 3."]),
    ],
)
def test_where_keeps_rows_with_these_values(file: Path, where: dict[str, Any], texts: list[str]) -> None:
    assert asked(recorded(file, where=where), about("2 + 2?"), n=9) == [texts]


@pytest.mark.parametrize("where", [{"sure": 1}, {"size": True}, {"by": "nobody"}])
def test_a_condition_that_no_row_meets_is_an_error(file: Path, where: dict[str, Any]) -> None:
    (name,) = where
    with pytest.raises(InputError, match=rf"texts\.jsonl: no row has {name} = "):
        asked(recorded(file, where=where), about("2 + 2?"))


def test_a_stop_string_ends_a_text(file: Path) -> None:
    engine = recorded(file, where={"by": "large"})
    with engine.open() as complete:
        replies = complete([about("2 + 2?")], Sampling(stop=("?", "\n\nQuestion:")))
    assert replies == [[Reply(text="It is 4.")]]


def test_prompts_without_a_text_are_counted_and_the_first_is_named(file: Path) -> None:
    with pytest.raises(InputError) as caught:
        asked(recorded(file), about("2 + 2?"), about("5 + 5?"), about("6 + 6?"))
    said = str(caught.value)
    assert f"{file}: nothing is recorded for 2 of 3 prompts" in said
    assert "'5 + 5?'" in said and "q = '5 + 5?'" in said and "skip" in said


def test_prompts_without_a_text_get_none_when_they_may(file: Path) -> None:
    assert asked(recorded(file, missing="skip"), about("5 + 5?"), about("3 + 3?")) == [[], ["It is 7."]]


def test_a_field_that_prompts_do_not_have_is_an_error_and_never_a_miss(file: Path) -> None:
    engine = recorded(file, match={"quesiton": "q"}, missing="skip")
    with pytest.raises(ConfigError, match=r"no field 'quesiton' .* only question"):
        asked(engine, about("2 + 2?"))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"q": "5 + 5?", "said": ', "line 5: not a JSON object"),
        ('["5 + 5?"]', "line 5: not a JSON object"),
        ('{"said": "10"}', "line 5: the row has no field 'q', only said"),
        ('{"q": "5 + 5?"}', "line 5: the row has no field 'said', only q"),
        ('{"q": 5, "said": "10"}', "line 5: 'q' must be text, got 5"),
        ('{"q": "5 + 5?", "said": null}', "line 5: 'said' must be text, got None"),
        ('{"q": "5 + 5?", "said": "\udcff"}', "line 5: not a JSON object"),
    ],
)
def test_what_is_wrong_with_a_row_is_said_with_file_and_line(file: Path, line: str, said: str) -> None:
    with file.open("ab") as more:
        more.write(line.encode(errors="surrogateescape") + b"\n")
    with pytest.raises(InputError) as caught:
        asked(recorded(file), about("2 + 2?"))
    assert str(caught.value).startswith(f"{file}, {said}")


def test_a_row_without_a_field_of_the_condition_is_an_error(file: Path) -> None:
    with pytest.raises(InputError, match=r"line 1: the row has no field 'model'"):
        asked(recorded(file, where={"model": "small"}), about("2 + 2?"))


def test_empty_lines_are_passed_over_and_an_empty_file_is_an_error(file: Path) -> None:
    file.write_text("\n" + file.read_text().replace("\n", "\n\n"))
    assert asked(recorded(file), about("3 + 3?")) == [["It is 7."]]
    file.write_text("\n")
    with pytest.raises(InputError, match="holds no rows"):
        asked(recorded(file), about("3 + 3?"))


def test_the_content_of_the_file_is_in_the_key_and_its_place_is_not(file: Path, tmp_path: Path) -> None:
    before = key(recorded(file))
    moved = tmp_path / "elsewhere.jsonl"
    moved.write_bytes(file.read_bytes())
    assert key(recorded(moved)) == before
    stat = file.stat()
    file.write_bytes(file.read_bytes().replace(b"It is 7.", b"It is 8."))
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    assert key(recorded(file)) != before


@pytest.mark.parametrize(
    "change",
    [{"where": {"by": "small"}}, {"match": {"question": "path"}}, {"text": "by"}, {"missing": "skip"}, {"name": "b"}],
)
def test_what_decides_the_texts_is_in_the_key(file: Path, change: dict[str, Any]) -> None:
    assert key(recorded(file, **change)) != key(recorded(file))


def test_a_missing_file_is_said_with_its_full_path(tmp_path: Path) -> None:
    engine = recorded(tmp_path / "none.jsonl")
    for attempt in (engine.fingerprint, lambda: asked(engine)):
        with pytest.raises(InputError, match=f"path: {tmp_path}/none.jsonl is not a file"):
            attempt()


def test_recorded_texts_never_stand_for_a_trained_model_nor_for_probabilities(file: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="trained model"), recorded(file).open(checkpoint=tmp_path):
        pass
    with pytest.raises(ConfigError, match="log-probabilities"):
        asked(recorded(file), about("2 + 2?"), logprobs=True)


def test_impossible_settings_are_refused(file: Path) -> None:
    with pytest.raises(ConfigError, match="match: name at least one"):
        recorded(file, match={}).check()
    with pytest.raises(ConfigError, match=r"name: .*'a/b'"):
        recorded(file, name="a/b").check()
