"""Whatever is wrong with a command: exit code 2, one message that says where and what is allowed, nothing started."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from commands.typed import Command

SECRET = "sk-" + "Zz09" * 8
GLOBAL = "# @package _global_\n"
GRID = GLOBAL + "hydra:\n  mode: MULTIRUN\n  sweeper:\n    params:\n"

#: Nine anchors, each of which holds the one before nine times.
BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9))

FILES = {
    "sweeps/demo.yaml": GRID + "      seed: 0,1\n",
    "experiments/good.yaml": GLOBAL
    + "defaults:\n  - override /trainer: lora\ntrainer:\n  learning_rate: 5e-4\nseed: 7\n",
    "experiments/unclosed.yaml": GLOBAL + "trainer: {learning_rate: 1e-3\nseed: 1\n",
    "experiments/tab.yaml": GLOBAL + "trainer:\n\tepochs: 1\n",
    "experiments/twice.yaml": GLOBAL + "seed: 1\nseed: 2\n",
    "experiments/listed.yaml": "- seed\n",
    "experiments/no_header.yaml": "seed: 1\n",
    "experiments/typo.yaml": GLOBAL + "trainer:\n  lerning_rate: 1e-3\n",
    "experiments/typo_at_root.yaml": GLOBAL + "sede: 1\n",
    "experiments/no_such_group.yaml": GLOBAL + "defaults:\n  - override /modle: tiny\n",
    "experiments/no_such_option.yaml": GLOBAL + "defaults:\n  - override /model: tny\n",
    "experiments/defaults_mapping.yaml": GLOBAL + "defaults: {model: tiny}\n",
    "experiments/dangling.yaml": GLOBAL + "trainer:\n  learning_rate: ${trainer.lr}\n",
    "experiments/environment.yaml": GLOBAL + "seed: ${oc.env:HOME}\n",
    "experiments/system.yaml": GLOBAL + "trainer:\n  _target_: os.system\n",
    "experiments/no_such_class.yaml": GLOBAL + "format:\n  _target_: lema.data.formats.Fromat\n",
    "experiments/secret.yaml": GLOBAL + f"tracking:\n  api_key: {SECRET}\n",
    "conf/model/unpinned.yaml": "_target_: lema.lm.model.Model\nname: m\nhub: a/b\nrevision: ???\n",
    "conf/model/binary.yaml": "name: \x00\n",
    "sweeps/typo.yaml": GRID + "      sede: 0,1\n",
    "sweeps/one_bad.yaml": GRID + "      data_mix: cot,cott\n      seed: 0,1\n",
    "sweeps/list_valued.yaml": GRID + "      seed: [0, 1]\n",
    "sweeps/no_grid.yaml": GRID + "      - data_mix\n",
    "sweeps/words.yaml": GRID.replace("params:\n", "params: cot,corrections\n"),
    "experiments/bomb.yaml": GLOBAL + BOMB,
    "experiments/itself.yaml": GLOBAL + "trainer: &a\n  epochs: *a\n",
    "experiments/deep.yaml": GLOBAL + f"trainer: {'[' * 4000}{']' * 4000}\n",
    "experiments/recursive.yaml": GLOBAL + "defaults:\n  - /experiments: recursive\n",
    "sweeps/batches.yaml": GRID + "      seed: 0,1\n    max_batch_size: 3\n",
}

#: command, and what its one message must hold
WRONG: list[tuple[str, *tuple[str, ...]]] = [
    # names of tasks to score on
    ("evaluation.tasks=[gsm8]", "evaluation.tasks[0]: no task 'gsm8'", "gsm8k"),
    ("evaluation.tasks=[gsm_synth,3]", "evaluation.tasks[1]: expected the name of a task, got 3", "gsm_synth"),
    ("evaluation.tasks=gsm_synth", "evaluation.tasks: expected a list"),
    (
        "evaluation.tasks=[{name:gsm_synth,dificulty:easy}]",
        "evaluation.tasks[0].task.dificulty: unknown key",
        "difficulty",
    ),
    # misspelt names: plain, +, ++ and ~, at the root and below
    ("sed=1", "sed: unknown key. Did you mean 'seed'?", "Allowed keys: ", "trainer"),
    ("+sed=1", "sed: unknown key. Did you mean 'seed'?"),
    ("++sed=1", "sed: unknown key. Did you mean 'seed'?"),
    ("~sed", "sed: unknown key. Did you mean 'seed'?"),
    ("trainr=lora", "trainr: unknown key. Did you mean 'trainer'?"),
    ("+trainr=lora", "trainr: unknown key. Did you mean 'trainer'?"),
    ("++trainr=lora", "trainr: unknown key. Did you mean 'trainer'?"),
    ("~trainr", "trainr: unknown key. Did you mean 'trainer'?"),
    ("trainr.learning_rate=1", "trainr.learning_rate: unknown key. Did you mean 'trainer'?"),
    (
        "trainer.lerning_rate=1",
        "trainer.lerning_rate: unknown key. Did you mean 'learning_rate'?",
        "Allowed keys of tr",
    ),
    ("+trainer.lerning_rate=1", "trainer.lerning_rate: unknown key. Did you mean 'learning_rate'?"),
    ("++trainer.lerning_rate=1", "trainer.lerning_rate: unknown key. Did you mean 'learning_rate'?"),
    ("~trainer.lerning_rate", "trainer.lerning_rate: nothing to delete. Did you mean 'learning_rate'?"),
    ("generation.sampling.temprature=1", "generation.sampling.temprature: unknown key. Did you mean 'temperature'?"),
    ("learning_rate=1e-3", "learning_rate: unknown key. Did you mean 'trainer.learning_rate'?"),
    ("lr=1e-3", "lr: unknown key. Did you mean 'trainer.learning_rate'?"),
    ("trainer.lr=1e-3", "trainer.lr: unknown key. Did you mean 'learning_rate'?"),
    ("hydra.verbos=true", "hydra.verbos: Hydra has no such setting"),
    # values that have no end, or lead nowhere
    ("seed=${oc.env:LEMA_NO_SUCH_VARIABLE}", "seed: '${oc.env:LEMA_NO_SUCH_VARIABLE}' takes its value from outside"),
    ("store=${oc.env:LEMA_NO_SUCH_VARIABLE}", "store: ${oc.env:LEMA_NO_SUCH_VARIABLE}: the environment variable"),
    ("store=${no_such:x}", "store: ${no_such:x} asks for a resolver that there is not"),
    ("model.name=${model.name}", "model.name: ${model.name} refers to itself"),
    ("-m 'seed=range(0,1,0)'", "seed: expected range(start,stop,step) with a step other than 0"),
    ("-m 'seed=range(0,100000000)'", "seed: a sweep of more than 10,000 points"),
    ("-m 'seed=range(0,200)' 'generation.seed=range(0,200)'", "a sweep of more than 10,000 points"),
    ("-m 'seed=range(5,5)'", "seed: a sweep without any value"),
    ("-m 'seed=glob(*)'", "seed: glob(...) takes options of a group, and this is none"),
    ("-m 'model=glob(no_such*)'", "model: a sweep without any value"),
    ("experiments=bomb", "bomb.yaml: more than 100,000 values"),
    ("experiments=itself", "itself.yaml", "holds itself"),
    ("experiments=deep", "deep.yaml: nested more than 50 levels deep"),
    ("experiments=recursive", "nested too deep, or refers to itself"),
    ("trainer.batch_size=999999999999999999999", "trainer.batch_size: must be at most 9007199254740992"),
    ("model.name=", "model.name: expected a name"),
    ("'evaluation.tasks=[\"\"]'", "evaluation.tasks[0]: no task ''"),
    ("evaluation.tasks=[gsm_synth,gsm_synth]", "evaluation.tasks[1]: gsm_synth is there already"),
    # wrong types: nothing is coerced
    ("trainer.learning_rate=three", "trainer.learning_rate: expected a number, got 'three'"),
    ("trainer.learning_rate=true", "trainer.learning_rate: expected a number, got true"),
    ("seed=1.5", "seed: expected an integer, got 1.5"),
    ("seed=true", "seed: expected an integer, got true"),
    ("\"seed='1'\"", "seed: expected an integer, got '1'"),
    ("seed=null", "seed: expected an integer, got null"),
    ("'seed={a: 1}'", "seed: expected an integer, got a mapping with a"),
    ("trainer.packing=1", "trainer.packing: expected true or false, got 1"),
    ("generation.sampling.stop=x", "generation.sampling.stop: expected a list of texts, got 'x'"),
    ("generation.sampling.stop=[x,1]", "generation.sampling.stop[1]: expected text, got 1"),
    ("workers=two", "workers: expected an integer or null, got 'two'"),
    ("delete=please", "delete: expected true or false, got 'please'"),
    ("model=null", "model: none is chosen", "Choose one with model=: ", "tiny"),
    ("~trainer", "trainer: missing; expected a Trainer. Choose one with trainer=", "qlora"),
    ("~trainer.learning_rate", "trainer.learning_rate: missing; expected a number"),
    # out of range
    ("trainer.learning_rate=-5", "trainer.learning_rate: must be greater than 0, got -5"),
    ("trainer.learning_rate=nan", "trainer.learning_rate: must be", "nan"),
    ("seed=-1", "seed: must be at least 0, got -1"),
    ("workers=0", "workers: must be at least 1, got 0"),
    ("generation.sampling.temperature=-0.1", "generation.sampling.temperature: must be at least 0, got -0.1"),
    ("generation.sampling.top_p=1.5", "generation.sampling.top_p: must be at most 1, got 1.5"),
    ("evaluation.questions.stop=0", "evaluation.questions.stop: must be at least 1, got 0"),
    ("data_budget.examples=0", "data_budget.examples: must be at least 1, got 0"),
    # unknown options
    ("data_mix=cott", "data_mix: no option 'cott'. Did you mean 'cot'?", "cot_matched"),
    ("+data_mix=cott", "data_mix: no option 'cott'. Did you mean 'cot'?"),
    ("experiments=nosuch", "experiments: no option 'nosuch'", "Options: ", "good"),
    ("analysis=[delta_ppl,none]", "analysis: [delta_ppl, none]: none stands alone; leave it out of the list"),
    ("-m analysis=[delta_ppl,skill],none", "analysis: no option 'skill'. Options: both, correction_skill"),
    (
        "analysis=correction_skill analysis.correction_skill.mistakes={split:train,start:0,stop:50}",
        "analysis.correction_skill.mistakes",
        "overlap",
    ),
    ("analysis=correction_skill analysis.correction_skill=null", "nothing is measured", "analysis=none"),
    ("sweeps=dmo", "sweeps: no option 'dmo'. Did you mean 'demo'?"),
    (
        "seed=1 data_budget=examples data_budget.examples=99999",
        "data_budget.examples: 99,999 is more than",
        "cot_questions",
    ),
    ("data_budget.examples=cots", "data_budget.examples: expected an integer or one of cot or null", "'cot'?"),
    ("data_budget=cot_sized data_mix=corrections", "data_budget.examples: cot is as many", "Take a mix with CoT"),
    ("data_budget=1000", "data_budget: no option '1000'", "full"),
    ("mode=plann", "mode: expected one of run, plan,", "Did you mean 'plan'?"),
    ("model.dtype=float31", "model.dtype: expected one of float32,", "Did you mean 'float32'?"),
    ("hydra/launcher=basic", "hydra/launcher: lema has its own"),
    ("hydra/launcher=submitit_nosuch", "no option 'submitit_nosuch'; pip install 'lema[launcher]' adds it"),
    # impossible combinations
    ("data_budget.examples=10 data_budget.target_tokens=10", "data_budget: give examples or target_tokens, not both"),
    ("model.hub=a/b", "model: give one of hub, path and shipped, not hub and path"),
    ("model.path=null model.hub=a/b", "model.revision: a/b needs a pinned revision"),
    ("cot_questions.start=5000", "cot_questions: stop must be greater than start (5000), got 1500"),
    ("evaluation.questions.split=train", "must not be scored on questions that it learned from"),
    ("evaluation.questions.split=tset", "evaluation.questions.split: ", "no split 'tset'"),
    ("evaluation.sampling.n=2", "evaluation.sampling.n: pass@1 takes one answer a question, got 2"),
    ("corrector=teacher", "teacher: none is chosen; needed by corrector.engine. Choose one with teacher=: ", "openai"),
    ("augmentation=teacher", "teacher: none is chosen; needed by augmentation.engine", "recorded"),
    (
        "evolution_strategy=teacher_correction_centric",
        "teacher: none is chosen; needed by evolution_strategy.evolver.engine and evolution_strategy.voting.engine. "
        "Choose one with teacher=: ",
    ),
    (
        "data_mix=cot cot_questions=null",
        "cot_questions: data_mix=cot takes CoT, and there is none",
        "augmentation=teacher",
    ),
    ("trainer.keep_every=null", "trainer.keep_every: checkpoint=best_on_dev chooses among", "checkpoint=last"),
    ("checkpoint.questions=null", "checkpoint.questions: say which questions"),
    ("checkpoint=last checkpoint.questions.split=dev", "checkpoint.questions"),
    (
        "checkpoint.questions.split=train",
        "checkpoint.questions (train[0:500]) and cot_questions (train[0:1500]) overlap",
    ),
    ("checkpoint.questions.split=test", "checkpoint.questions (test[0:500]) and evaluation.questions"),
    ("checkpoint.questions.split=dve", "checkpoint.questions.split: gsm_synth has no split 'dve'", "checkpoint=last"),
    (
        "evaluation.sampling.temperature=0.5",
        "evaluation.sampling.temperature: checkpoint=best_on_dev chooses by greedy",
    ),
    ("augmentation=model augmentation.questions.split=test", "augmentation.questions (test[0:1000]) and evaluation"),
    # settings of one mode
    ("mode=grade", "grade.input: mode=grade needs a JSONL file of outputs"),
    ("mode=plan grade.input=x.jsonl", "grade.input: only mode=grade reads it, got mode=plan"),
    ("mode=rate grade.splits=[test]", "grade.splits: only mode=grade reads it, got mode=rate"),
    ("mode=grade grade.inptu=x.jsonl", "grade.inptu: unknown key. Did you mean 'input'?", "output, splits"),
    ("mode=grade grade.input=[x]", "grade.input: expected text or null, got ['x']"),
    ("mode=grade grade.input=x grade.splits=test", "grade.splits: expected a list of texts, got 'test'"),
    ("mode=grade grade.input=x task=null", "task: missing; expected a Task. Choose one with task=: ", "gsm8k"),
    ("mode=grade grade.input=x task=gsm8k task.path=/nowhere", "task", "/nowhere"),
    ("mode=grade grade.input=x task=gsm9k", "task: no option 'gsm9k'. Did you mean 'gsm8k'?"),
    (
        "-m mode=grade grade.input=x task=gsm8k,svamp seed=0,1",
        "task: mode=grade judges outputs of one task, and this command has 2 (task=gsm8k; task=svamp)",
    ),
    (
        "-m mode=grade grade.input=x task.difficulty=easy,hard",
        "task: mode=grade judges outputs of one task",
        "task.difficulty=easy",
    ),
    ("rate.seed=1", "rate.seed: only mode=rate reads it, got mode=run"),
    ("mode=rate rate.sample=0", "rate.sample: must be at least 1, got 0"),
    ("mode=rate rate.n=5", "rate.n: unknown key", "sample"),
    ("mode=rate rate.ratings=a.jsonl", "rate.ratings: expected a list of texts, got 'a.jsonl'"),
    ("mode=rate rate.ratings=[a.jsonl] rate.sheet=b.html", "rate.sheet: it is about a new sheet, and rate.ratings"),
    ("mode=report undecided=x.jsonl", "undecided: only mode=undecided reads it, got mode=report"),
    ("mode=undecided undecided=3", "undecided: expected text, got 3"),
    ("mode=plan push=true", "push: only mode=run and mode=report make a report to send, got mode=plan"),
    # missing files and values
    ("model.path=/nowhere/at/all", "model", "/nowhere/at/all holds no model"),
    ("model=unpinned", "model.revision: needs a value"),
    ("--config-dir /nowhere/at/all", "--config-dir: there is no folder /nowhere/at/all"),
    # files that are wrong
    ("experiments=unclosed", "experiments/unclosed.yaml, line 3", "malformed YAML"),
    ("experiments=tab", "experiments/tab.yaml, line 3, column 1: malformed YAML"),
    ("experiments=twice", "experiments/twice.yaml, line 3, column 1: malformed YAML: found duplicate key seed"),
    ("experiments=listed", "experiments/listed.yaml: expected a mapping of keys to values, got a list"),
    ("experiments=no_header", "experiments/no_header.yaml: needs `# @package _global_`"),
    ("experiments=typo", "trainer.lerning_rate: unknown key. Did you mean 'learning_rate'?", "experiments/typo.yaml"),
    ("experiments=typo_at_root", "sede: unknown key. Did you mean 'seed'?", "(set in experiments/typo_at_root.yaml)"),
    ("experiments=no_such_group", "modle: not a group (in experiments/no_such_group.yaml). Did you mean 'model'?"),
    ("experiments=no_such_option", "model: no option 'tny' (asked for in experiments/no_such_option.yaml)", "'tiny'?"),
    ("experiments=defaults_mapping", "experiments/defaults_mapping", "defaults must be a list"),
    ("experiments=dangling", "trainer.learning_rate: ${trainer.lr} refers to nothing in the configuration"),
    ("experiments=environment", "seed: '${oc.env:HOME}' takes its value from outside the configuration"),
    ("experiments=system", "trainer._target_: must be a spec class under lema. or lema_plugins., got 'os.system'"),
    ("experiments=no_such_class", "format._target_: lema.data.formats has no spec 'Fromat'. Did you mean 'Format'?"),
    ("model=binary", "conf/model/binary.yaml: cannot be read as a configuration"),
    # the grammar of overrides and flags
    ("plan", "plan: not an override; write key=value", "Did you mean mode=plan?"),
    ("seed==1", "seed==1: not an override"),
    ("seed=[1", "seed=[1: not an override"),
    ("seed=0,1", "seed: '0,1' are several values: add -m to sweep over them"),
    ("--mod plan", "unrecognized arguments: --mod"),
    ("--cfg everything", "--cfg", "invalid choice: 'everything'"),
    ("-m --cfg job", "--multirun and --cfg exclude each other"),
    ("--experimental-rerun job.pickle", "--experimental-rerun reads a pickle"),
    # secrets
    (f"+tracking.api_key={SECRET}", "tracking.api_key: Keys and passwords have no place in a configuration"),
    ("+wandb_token=hunter2hunter2", "wandb_token: Keys and passwords have no place in a configuration"),
    (f"model.name={SECRET}", "model.name: looks like a key or a password"),
    ("experiments=secret", "tracking.api_key: Keys and passwords have no place"),
    # one point of a sweep
    ("-m data_mix=cot,cott", "data_mix: no option 'cott'. Did you mean 'cot'?"),
    (
        "sweeps=one_bad",
        "data_mix: no option 'cott'. Did you mean 'cot'?",
        "(in 2 of 4 points: ",
        "data_mix=cott seed=0",
    ),
    ("sweeps=typo", "sede: unknown key. Did you mean 'seed'?", "(in all 2 points)"),
    ("sweeps=no_grid", "hydra.sweeper.params: expected keys with their values, or a list of such grids"),
    ("sweeps=words", "hydra.sweeper.params: expected keys with their values, or a list of such grids"),
    ("sweeps=list_valued", "hydra.sweeper.params.seed: write the values as text"),
    ("sweeps=batches", "sweeps/batches", "max_batch_size"),
    (
        "-m trainer.learning_rate=1e-3,-1,1e-4 seed=0,1",
        "trainer.learning_rate: must be greater than 0, got -1",
        "(in 2 of 6 points: trainer.learning_rate=-1 seed=0; trainer.learning_rate=-1 seed=1)",
    ),
    (
        "-m trainer.lerning_rate=1,2",
        "trainer.lerning_rate: unknown key. Did you mean 'learning_rate'?",
        "(in all 2 poi",
    ),
    ("-m experiments=good,twice", "experiments/twice.yaml, line 3", "(in 1 of 2 points: experiments=twice)"),
    ("-m mode=plan,run", "mode: a command has one value of it for all its points, got 'plan', 'run'"),
    ("-m seed=interval(0,1)", "seed: an interval has no list of values"),
    ("-m hydra.verbose=true,false", "hydra.verbose: Hydra's own settings cannot be swept"),
    ("sweeps=demo model.path=/nowhere", "/nowhere holds no model", "(in all "),
]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    made = Command(tmp_path, monkeypatch)
    for path, text in FILES.items():
        made.write(path, text)
    return made


@pytest.mark.parametrize(("line", "said"), [(line, said) for line, *said in WRONG], ids=[line for line, *_ in WRONG])
def test_a_wrong_command_ends_with_code_2_and_one_telling_message_before_anything_starts(
    command: Command, line: str, said: list[str]
) -> None:
    outcome = command(line)
    assert outcome.code == 2, outcome
    assert not outcome.points and not outcome.out
    assert outcome.err.startswith("lema: ") and "Traceback" not in outcome.err
    assert len(outcome.err.splitlines()) == 1, outcome.err
    for part in said:
        assert part in outcome.err
    if line.startswith(("mode=", "rate.")):
        assert "points" not in outcome.err  # a setting of the command is not the mistake of some points
    assert SECRET not in outcome.err and "hunter2" not in outcome.err
    assert not list(command.cwd.iterdir())


def test_several_mistakes_are_said_at_once(command: Command) -> None:
    outcome = command("sed=1 trainr=lora data_mix=cott")
    assert outcome.code == 2 and len(outcome.err.splitlines()) == 3
    outcome = command("trainer.learning_rate=-1 seed=x generation.sampling.n=0")
    assert outcome.code == 2 and len(outcome.err.splitlines()) == 3


def test_there_are_enough_mistakes_in_the_table() -> None:
    assert len(WRONG) >= 45 and len({line for line, *_ in WRONG}) == len(WRONG)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["trainer.lerning_rate=1"], "trainer.lerning_rate: unknown key. Did you mean 'learning_rate'?"),
        (["-m", "data_mix=cot,cott"], "data_mix: no option 'cott'. Did you mean 'cot'?"),
        (["~sed"], "sed: unknown key. Did you mean 'seed'?"),
    ],
)
def test_the_process_says_it_on_standard_error_and_leaves_nothing_behind(
    words: list[str], said: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lema", *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith(f"lema: {said}") and "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())
