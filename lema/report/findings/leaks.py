"""What decontamination left out of the mixes: how many questions by rule and source, and pairs to read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest

from lema.likeness.decontaminating import Dropped
from lema.report.findings.arms import Evaluated, Form, run_of
from lema.report.findings.mix_forms import mix_form
from lema.report.tables.parts import LeakCount, LeakPair, Leaks
from lema.store import Artifact

MOST_PAIRS = 20
Counts = tuple[tuple[str, tuple[tuple[str, int], ...]], ...]  # source -> rule -> questions


def leaks(arms: Sequence[Evaluated], mixed: Mapping[str, Artifact]) -> Leaks | None:
    """What was left out of the arms' mixes; None where no mix was compared with test questions."""
    seeds: dict[tuple[str, Counts], list[int]] = {}
    pairs: dict[tuple[str, str, str], Dropped] = {}
    runs = {(arm.arm, arm.seed): arm for arm in arms if decontaminated(arm)}  # scored on one task or several
    for arm in runs.values():
        artifact = mixed.get(arm.mix or "")
        if artifact is None or arm.seed is None:
            continue
        dropped = list(artifact.rows("dropped.jsonl", Dropped))
        seeds.setdefault((arm.arm, counted(dropped)), []).append(arm.seed)
        pairs |= {(row.question_id, row.test_set, row.test_question_id): row for row in dropped}
    if not seeds:
        return None
    rank = {name: number for number, name in enumerate(dict.fromkeys(arm.arm for arm in arms))}
    in_order = sorted(seeds.items(), key=lambda item: (rank[item[0][0]], min(item[1])))
    return Leaks(
        counts=tuple(row for (arm, counts), held in in_order for row in rows(arm, counts, held)),
        pairs=tuple(pair(row) for row in some(pairs.values())),
        distinct=len(pairs),
    )


def decontaminated(arm: Evaluated) -> bool:
    return mix_of(arm).get("decontamination") is not None


def undecontaminated(arms: Sequence[Evaluated]) -> list[str]:
    """Arms whose training questions were compared with no test question."""
    return list(dict.fromkeys(arm.arm for arm in arms if mix_form(mix_of(arm)) is not None and not decontaminated(arm)))


def mix_of(arm: Evaluated) -> Form:
    """The spec of the mix that an arm was trained on; empty for a base model."""
    examples: Form = (run_of(arm.form) or {}).get("examples") or {}
    return examples


def counted(dropped: Iterable[Dropped]) -> Counts:
    rules: dict[str, Counter[str]] = {}
    for row in dropped:
        rules.setdefault(row.source, Counter())[row.rule] += 1
    return tuple((source, tuple(sorted(counts.items()))) for source, counts in sorted(rules.items()))


def rows(arm: str, counts: Counts, seeds: Sequence[int]) -> Iterator[LeakCount]:
    for source, by_rule in counts or (("", ()),):
        yield LeakCount(arm=arm, seeds=tuple(sorted(seeds)), source=source, dropped=dict(by_rule))


def some(dropped: Iterable[Dropped]) -> list[Dropped]:
    """As many as are read, of every rule in turn, by id."""
    by_rule: dict[str, list[Dropped]] = {}
    for row in sorted(dropped, key=lambda row: (row.rule, row.question_id, row.test_set, row.test_question_id)):
        by_rule.setdefault(row.rule, []).append(row)
    return [row for turn in zip_longest(*by_rule.values()) for row in turn if row is not None][:MOST_PAIRS]


def pair(row: Dropped) -> LeakPair:
    return LeakPair(
        question=one_line(row.text) or row.question_id,
        test_question=one_line(row.test_text) or row.test_question_id,
        test_set=row.test_set,
        source=row.source,
        rule=row.rule,
        share=row.share,
    )


def one_line(text: str) -> str:
    return " ".join(text.split())
