"""Settings of lessons at their mix, and words of former versions, which are refused with the present ones."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from commands.typed import Command

from lema.base.spec import key
from lema.lessons.corrections import Corrections
from lema.lessons.data_mix import DataMix


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    return Command(tmp_path, monkeypatch)


def mix_of(command: Command, *words: str) -> DataMix:
    outcome = command(shlex.join(["mode=plan", "seed=0", *words]))
    assert outcome.code == 0, outcome.err
    return outcome.points[0].experiment.data_mix


def refused(command: Command, *words: str) -> str:
    outcome = command(shlex.join(["mode=plan", *words]))
    assert outcome.code == 2 and not outcome.points
    return outcome.err


@pytest.mark.parametrize("setting", ["data_mix.without=[step]", "data_mix.corrections.without=[step]"])
def test_a_setting_of_a_lesson_may_be_written_at_its_mix(command: Command, setting: str) -> None:
    (lesson,) = [lesson for lesson in mix_of(command, setting).lessons if isinstance(lesson, Corrections)]
    assert lesson.without == ("step",)
    named = mix_of(command, "data_mix=without_step", "data_mix.name=cot_and_corrections")
    assert key(named) == key(mix_of(command, setting))


@pytest.mark.parametrize(
    ("words", "kind", "field", "value"),
    [
        (["data_mix=cot_and_corrections", "data_mix.loss=changed_steps"], "corrections", "loss", "changed_steps"),
        (["data_mix=cot_matched", "data_mix.loss=changed_steps"], "cot_from_corrections", "loss", "changed_steps"),
        (["data_mix=in_target", "data_mix.loss=all_but_mistake"], "mistake_in_target", "loss", "all_but_mistake"),
        (["experiments=pad_synth", "data_mix=programs_and_refinements", "data_mix.refinements=0.25"],
         "repairs", "refinements", 0.25),
    ],
)  # fmt: skip
def test_the_settings_that_sweeps_use_reach_their_lesson(
    command: Command, words: list[str], kind: str, field: str, value: object
) -> None:
    (lesson,) = [lesson for lesson in mix_of(command, *words).lessons if lesson.kind == kind]
    assert getattr(lesson, field) == value


def test_a_setting_that_no_lesson_of_the_mix_has_is_refused_with_those_there_are(command: Command) -> None:
    assert "data_mix.without: unknown key" in refused(command, "data_mix=cot", "data_mix.without=[step]", "seed=0")
    said = refused(command, "data_mix=cot_and_corrections", "data_mix.withot=[step]", "seed=0")
    assert "Did you mean 'without'?" in said and "lessons (cot, corrections)" in said


def test_a_setting_that_two_lessons_have_asks_which(command: Command) -> None:
    command.write(
        "conf/data_mix/both.yaml",
        "_target_: lema.lessons.data_mix.DataMix\nname: both\nlessons:\n"
        "  - _target_: lema.lessons.corrections.Corrections\n"
        "  - _target_: lema.lessons.mistake_in_target.MistakeInTarget\n",
    )
    said = refused(command, "data_mix=both", "data_mix.loss=changed_steps", "seed=0")
    assert "data_mix.corrections.loss or data_mix.mistake_in_target.loss" in said
    mix = mix_of(command, "data_mix=both", "data_mix.mistake_in_target.loss=changed_steps")
    assert [lesson.loss for lesson in mix.lessons] == ["completion", "changed_steps"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("word", "now"),
    [
        ("executing=body", "answering=body"),
        ("executing=none", "answering=path"),
        ("executing.rounds=2", "answering.rounds=2"),
        ("evaluation.votes=null", "answering=vote"),
        ("evaluation.votes.n=4", "answering=vote"),
        ("data_mix.cot=false", "lema.lessons.cot.Cot"),
        ("data_mix.corrections=as_cot", "CotFromCorrections"),
        ("data_mix.programs=true", "lema.lessons.programs.Programs"),
        ("data_mix.cot_on=programs", "questions: with_programs"),
        ("data_mix.target=answer", "lema.lessons.answers.Answers"),
    ],
)
def test_a_word_of_a_former_version_is_refused_with_the_present_one(command: Command, word: str, now: str) -> None:
    assert now in refused(command, word)


def test_a_file_of_ones_own_with_former_words_is_refused_by_its_name(command: Command) -> None:
    command.write("experiments/mine.yaml", "# @package _global_\ndefaults:\n  - override /executing: body\n")
    said = refused(command, "experiments=mine")
    assert "answering=body" in said and "experiments/mine" in said
    command.write("conf/data_mix/mine.yaml", "_target_: lema.blend.Blend\nname: mine\ncot: true\ncorrections: none\n")
    assert "lema.lessons.data_mix.DataMix" in refused(command, "data_mix=mine", "seed=0")
    command.write("conf/model/mine.yaml", "_target_: lema.models.Model\nname: mine\npath: .\n")
    assert "lema.lm.model.Model" in refused(command, "model=mine", "seed=0")
