"""Random pairs of answers: none of unequal value is right, none of equal value in another spelling is wrong."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

from conftest import ROOT


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("random_answers", ROOT / "benchmarks" / "random_answers.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


ANSWERS = script()


def test_of_2000_unequal_pairs_none_is_right_and_of_2000_equal_ones_none_is_wrong() -> None:
    found, counted = ANSWERS.faults(2000, seed=1)
    assert not found, "\n".join(found[:20])
    assert counted["latex, unequal: wrong"] > 1900 and counted["latex, equal: right"] > 1900
    assert counted["numbers, unequal: wrong"] > 300 and counted["numbers, equal: right"] > 200


def test_pairs_are_of_all_kinds_and_as_they_say() -> None:
    made = list(ANSWERS.pairs(500, seed=2))
    assert len({pair.kind for pair in made}) == 10 and sum(pair.equal for pair in made) == 500
    assert all(pair.gold != pair.said for pair in made if not pair.equal)
