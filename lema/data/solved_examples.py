"""Four solved examples before a question: the prompt `P_r` that LEMA samples mistakes with (paper §2.1; not published).

A model that was not fine-tuned does not know how an answer is to end; the examples show it, in the numbered steps that
corrections name. They are the files `solve_*.txt` of `lema/base/prompts`, one for each kind of answer; questions and
solutions are this project's own, and no data set's.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from lema.base import prompts
from lema.base.errors import ConfigError
from lema.base.records import Question
from lema.base.spec import digest
from lema.data.correction_wording import candidates

BY_TASK = "by_task"
CHOICES = "solve_choices"
#: The prompt whose examples end as the verifier of a task reads. Questions with candidates have theirs in every task.
PROMPTS: Mapping[str, str] = MappingProxyType(
    {
        "gsm8k": "solve_numbers",
        "svamp": "solve_numbers",
        "asdiv": "solve_numbers",
        "multiarith": "solve_numbers",
        "gsm_synth": "solve_numbers",
        "math": "solve_latex",
        "csqa": CHOICES,
        "truthfulqa": CHOICES,
        "triviaqa": "solve_facts",
        "coin_flip": "solve_yes_no",
        "last_letters": "solve_letters",
    }
)


def check_examples(name: str, task: str | None = None) -> None:
    """Raise ConfigError for examples that there are not, of this name or for this task."""
    if name == BY_TASK:
        if task is not None and task not in PROMPTS:
            raise ConfigError(
                f"examples: {name} knows no solved examples for questions of {task}, only for {', '.join(PROMPTS)}. "
                f"Name those that end as its answers do: {', '.join(solving())}."
            )
    elif name not in solving():
        raise ConfigError(f"examples: there are none named {name!r}. Take {BY_TASK}, {', '.join(solving())}, or null.")


def solving() -> list[str]:
    """The prompts with solved examples."""
    return [name for name in prompts.names() if name.startswith("solve_")]


def solved_prompt(name: str, question: Question) -> str:
    """The examples, then the question, whose solution is to follow on the next line.

    Raises:
        ConfigError: there are no such examples, or they are of questions with candidates and this one has none, or the
            other way round.
    """
    chosen = name
    if name == BY_TASK:
        chosen = CHOICES if question.choices else PROMPTS.get(question.task, "")
        if not chosen:
            check_examples(name, question.task)
    template = prompts.read(chosen)
    if ("choices" in prompts.slots(template)) != bool(question.choices):
        raise ConfigError(
            f"examples: {chosen} does not fit {question.task}, whose questions have "
            f"{'candidates' if question.choices else 'no candidates'}. Take {BY_TASK}."
        )
    return prompts.render(template, question=question.text, choices=candidates(question)) + "\n"


def texts_digest(name: str) -> str:
    """What the examples say, as a part of a key; of all of them where each task has its own."""
    named = solving() if name == BY_TASK else [name]
    return digest("\0".join(prompts.read(one) for one in named).encode())
