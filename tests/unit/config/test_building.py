"""Plain mappings become specs, or every fault is named with its path."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from lema.base.errors import ConfigError
from lema.base.protocols import Engine, Sampling
from lema.base.spec import Spec, spec
from lema.config.building import Fault, Refused, located
from lema.config.config import build, experiment
from lema.lm.model import Model

MODEL = {"_target_": "lema.lm.model.Model", "name": "m", "hub": "a/b", "revision": "c0ffee"}


@spec
class Optimiser(Spec):
    kind = "test_optimiser"
    learning_rate: Annotated[float, Field(gt=0)]
    warmup: Annotated[float, Field(ge=0, lt=1)] | None = None
    name: Literal["adamw", "sgd"] = "adamw"
    betas: tuple[float, ...] = (0.9, 0.999)
    fused: bool = False

    def check(self) -> None:
        if self.name == "sgd" and self.fused:
            raise ConfigError("sgd has no fused form")


@spec
class Run(Spec):
    kind = "test_run"
    seed: Annotated[int, Field(ge=0)] = 0
    model: Model
    teacher: Model | None = None
    optimiser: Optimiser
    stages: tuple[Optimiser, ...] = ()
    engine: Engine | None = None
    notes: dict[str, str] | None = None


def whole(**changes: Any) -> dict[str, Any]:
    return {"model": MODEL, "optimiser": {"learning_rate": 1e-3}, **changes}


def refused(node: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        experiment(node, Run)
    return str(caught.value).splitlines()


def test_mappings_become_specs_at_any_depth_and_lists_become_tuples() -> None:
    made = experiment(whole(stages=[{"learning_rate": 1}], notes={"why": "test"}), Run)
    assert made.model == Model(name="m", hub="a/b", revision="c0ffee")
    assert made.stages == (Optimiser(learning_rate=1.0),)
    assert build([MODEL, {"a": [1]}]) == (made.model, {"a": (1,)})


def test_a_target_is_not_needed_where_the_field_says_which_spec_it_takes() -> None:
    assert experiment(whole(model={k: v for k, v in MODEL.items() if k != "_target_"}), Run).model.name == "m"


def test_an_integer_is_a_number() -> None:
    assert experiment(whole(optimiser={"learning_rate": 1}), Run).optimiser.learning_rate == 1.0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": "3"}, "seed: expected an integer, got '3'"),
        ({"seed": True}, "seed: expected an integer, got true"),
        ({"seed": 1.0}, "seed: expected an integer, got 1.0"),
        ({"seed": None}, "seed: expected an integer, got null"),
        ({"seed": -1}, "seed: must be at least 0, got -1"),
        ({"optimiser": {"learning_rate": "three"}}, "optimiser.learning_rate: expected a number, got 'three'"),
        ({"optimiser": {"learning_rate": "1e-3"}}, "optimiser.learning_rate: expected a number, got '1e-3'"),
        ({"optimiser": {"learning_rate": True}}, "optimiser.learning_rate: expected a number, got true"),
        ({"optimiser": {"learning_rate": -5}}, "optimiser.learning_rate: must be greater than 0, got -5"),
        ({"optimiser": {"learning_rate": float("nan")}}, "optimiser.learning_rate: must be a finite number, got nan"),
        ({"optimiser": {}}, "optimiser.learning_rate: missing; expected a number"),
        ({"optimiser": None}, "optimiser: expected an Optimiser, got null"),
        ({"optimiser": 3}, "optimiser: expected an Optimiser, got 3"),
        ({"optimiser": {"learning_rate": 1, "warmup": 1}}, "optimiser.warmup: must be less than 1, got 1"),
        (
            {"optimiser": {"learning_rate": 1, "warmup": "no"}},
            "optimiser.warmup: expected a number or null, got 'no'",
        ),
        (
            {"optimiser": {"learning_rate": 1, "name": "adam"}},
            "optimiser.name: expected one of adamw, sgd, got 'adam'. Did you mean 'adamw'?",
        ),
        (
            {"optimiser": {"learning_rate": 1, "betas": [0.9, "x"]}},
            "optimiser.betas[1]: expected a number, got 'x'",
        ),
        ({"optimiser": {"learning_rate": 1, "betas": 0.9}}, "optimiser.betas: expected a list of numbers, got 0.9"),
        (
            {"optimiser": {"lerning_rate": 1, "learning_rate": 1}},
            "optimiser.lerning_rate: unknown key. Did you mean 'learning_rate'? "
            "Allowed keys of optimiser: learning_rate, warmup, name, betas, fused",
        ),
        (
            {"sede": 1},
            "sede: unknown key. Did you mean 'seed'? "
            "Allowed keys: seed, model, teacher, optimiser, stages, engine, notes",
        ),
        (
            {"stages": [{"learning_rate": 1}, {"learning_rate": 0}]},
            "stages[1].learning_rate: must be greater than 0, got 0",
        ),
        ({"optimiser": {"learning_rate": 1, "name": "sgd", "fused": True}}, "optimiser: sgd has no fused form"),
        (
            {"stages": [{"learning_rate": 1, "name": "sgd", "fused": True}]},
            "stages[0]: sgd has no fused form",
        ),
        ({"engine": MODEL}, "engine: expected an Engine or null, got Model (lema.lm.model)"),
        ({"notes": {"a": 1}}, "notes.a: expected text, got 1"),
    ],
)
def test_a_fault_is_said_with_its_path_what_is_allowed_and_what_was_given(change: dict[str, Any], said: str) -> None:
    assert refused(whole(**change)) == [said]


def test_all_faults_come_at_once() -> None:
    lines = refused({"seed": "x", "model": {**MODEL, "nme": 1}, "optimiser": {"learning_rate": -1, "fused": 1}})
    assert [line.split(":")[0] for line in lines] == ["model.nme", "optimiser.learning_rate", "optimiser.fused", "seed"]


def test_a_check_speaks_of_the_place_that_its_spec_is_at() -> None:
    unpinned = {**MODEL, "revision": None}
    assert refused(whole(teacher=unpinned))[0].startswith("teacher.revision: a/b needs a pinned revision")
    assert located("reasoner.model", "m", ConfigError("model: give one")) == Fault("reasoner.model", "give one")
    assert located("mix", "data_mix", ConfigError("one or: the other")) == Fault("mix", "one or: the other")


def test_the_same_fault_of_an_interpolated_copy_is_said_once() -> None:
    faults = [Fault("model.dtype", "expected x"), Fault("engine.model.dtype", "expected x"), Fault("dtype2", "other")]
    assert Refused(faults).faults == (faults[0], faults[2])


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("os.system", "must be a spec class under lema. or lema_plugins., got 'os.system'"),
        ("lema.lm.model.__builtins__", "must be a spec class under"),
        ("lemaevil.Model", "must be a spec class under"),
        (3, "must be a spec class under"),
        ("lema.lm.modle.Model", "there is no module lema.lm.modle. Did you mean 'lema.lm.model'?"),
        ("lema.lm.model.Modle", "lema.lm.model has no spec 'Modle'. Did you mean 'Model'?"),
        ("lema.lm.model.Path", "lema.lm.model has no spec 'Path'"),
        ("lema.base.spec.Spec", "lema.base.spec has no spec 'Spec'"),
    ],
)
def test_a_target_is_a_spec_of_an_allowed_package(target: Any, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build({"_target_": target}, "model")
    assert str(caught.value).startswith(f"model._target_: {said}")


@pytest.mark.parametrize("key", ["api_key", "OPENAI_API_KEY", "token", "hf_token", "password", "client_secret"])
def test_a_key_or_password_is_refused_and_not_repeated(key: str) -> None:
    (line,) = refused(whole(model={**MODEL, key: "hunter2hunter2"}))
    assert line.startswith(f"model.{key}: Keys and passwords have no place") and "hunter2" not in line


@pytest.mark.parametrize("key", ["api_key_env", "max_tokens", "tokenizer", "token_budget"])
def test_names_that_only_look_like_secrets_are_ordinary_keys(key: str) -> None:
    (line,) = refused(whole(model={**MODEL, key: 1}))
    assert line.startswith(f"model.{key}: unknown key")


def test_a_value_that_looks_like_a_key_is_refused_anywhere_and_not_repeated() -> None:
    secret = "sk-" + "a1B2" * 8
    lines = refused(whole(notes={"x": secret}, optimiser={"learning_rate": secret}))
    assert len(lines) == 2 and all("looks like a key" in line for line in lines)
    assert secret not in "".join(lines)


def test_a_nested_spec_of_a_component_is_built_from_its_target() -> None:
    assert build({"_target_": "lema.base.protocols.Sampling", "stop": ["\n"]}) == Sampling(stop=("\n",))
