"""The client of OpenAI-compatible servers: what it keeps, what it asks, what it says when a server fails."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from servers.fake_openai import FakeServer

from lema.engines.openai import OpenAI
from lema.errors import ConfigError, InputError, LemaError, MissingExtra, StageFailed
from lema.protocols import Prompt, Reply, Sampling
from lema.spec import key

KEY = "sk-planted-5e7a9c1b3d5f7a9c"
PROMPTS = [Prompt(id=f"q{number}", text=f"Ann has {number} apples.", seed=number) for number in range(6)]
WARM = Sampling(n=3, temperature=0.7)


def engine(server: FakeServer, **changes: Any) -> OpenAI:
    settings: dict[str, Any] = {
        "base_url": server.url,
        "timeout": 5.0,
        "max_retries": 2,
        "api_key_env": "LEMA_TEST_KEY",
    }
    return OpenAI(**({"model": "org/fake-1"} | settings | changes))


def ask(
    spec: OpenAI, replies: Path | None, prompts: list[Prompt] = PROMPTS, sampling: Sampling = Sampling()
) -> list[list[Reply]]:
    with spec.open(replies=replies) as complete:
        return complete(prompts, sampling)


def texts(replies: list[list[Reply]]) -> list[list[str]]:
    return [[reply.text for reply in several] for several in replies]


def test_a_second_run_asks_nothing_and_gives_the_same_replies(fake_server: FakeServer, tmp_path: Path) -> None:
    first = ask(engine(fake_server), tmp_path, sampling=WARM)
    asked = len(fake_server.requests)
    second = ask(engine(fake_server), tmp_path, sampling=WARM)
    assert asked == len(PROMPTS) and len(fake_server.requests) == asked
    assert second == first
    assert all(len({reply.text for reply in several}) == 3 for several in first)


def test_a_reply_is_on_disk_before_it_is_used(fake_server: FakeServer, tmp_path: Path) -> None:
    fake_server.faults = ["", "", "", "400"]
    with pytest.raises(InputError):
        ask(engine(fake_server, concurrency=1), tmp_path)
    assert len(list(tmp_path.glob("??/*.json"))) == 3
    ask(engine(fake_server), tmp_path)
    assert len(fake_server.requests) == 4 + 3  # the three that were answered are not asked again


def test_the_address_and_the_key_are_not_part_of_what_is_remembered(
    fake_server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(engine(fake_server), tmp_path)
    monkeypatch.setenv("LEMA_TEST_KEY", KEY)
    elsewhere = engine(fake_server, base_url="http://127.0.0.1:9/v1", max_retries=0)
    assert key(elsewhere) == key(engine(fake_server))
    assert len(ask(elsewhere, tmp_path)) == len(PROMPTS)


@pytest.mark.parametrize(
    "changes",
    [{"model": "other"}, {"provider": "other"}, {"api": "completions"}, {"system": "Be brief."}],
    ids=lambda c: next(iter(c)),
)
def test_another_model_provider_api_or_system_text_is_asked_anew(
    fake_server: FakeServer, tmp_path: Path, changes: dict[str, str]
) -> None:
    ask(engine(fake_server), tmp_path)
    ask(engine(fake_server, **changes), tmp_path)
    assert len(fake_server.requests) == 2 * len(PROMPTS)


@pytest.mark.parametrize("most", [1, 2])
def test_a_server_that_gives_fewer_choices_is_asked_for_the_rest_with_other_seeds(tmp_path: Path, most: int) -> None:
    server = FakeServer(choices=most).start()
    try:
        replies = ask(engine(server), tmp_path, sampling=WARM)
        asked = len(server.requests)
        assert [len(several) for several in replies] == [3] * len(PROMPTS)
        assert all(len({reply.text for reply in several}) == 3 for several in replies)
        assert asked == len(PROMPTS) * (3 if most == 1 else 2)
        assert ask(engine(server), tmp_path, sampling=WARM) == replies
        assert len(server.requests) == asked
    finally:
        server.stop()


def test_max_choices_bounds_n_of_each_request(fake_server: FakeServer, tmp_path: Path) -> None:
    replies = ask(engine(fake_server, max_choices=2), tmp_path, sampling=WARM)
    assert {request.get("n", 1) for request in fake_server.requests} == {1, 2}
    assert [len(several) for several in replies] == [3] * len(PROMPTS)


@pytest.mark.parametrize("damage", [b"", b"half", b"{}", b"null"])
def test_a_broken_reply_file_is_reported_and_asked_again(
    fake_server: FakeServer, tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: bytes
) -> None:
    good = ask(engine(fake_server), tmp_path)
    file = next(tmp_path.glob("??/*.json"))
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2] if damage == b"half" else damage)
    assert ask(engine(fake_server), tmp_path) == good
    assert len(fake_server.requests) == len(PROMPTS) + 1
    assert str(file) in caplog.text and file.read_bytes() == whole


def test_an_edited_reply_is_not_trusted(fake_server: FakeServer, tmp_path: Path) -> None:
    good = ask(engine(fake_server), tmp_path)
    file = next(tmp_path.glob("??/*.json"))
    file.write_text(file.read_text().replace("answer is 4", "answer is 5"))
    assert ask(engine(fake_server), tmp_path) == good


@pytest.mark.parametrize("fault", ["429", "500", "disconnect", "hang"])
def test_passing_faults_are_ridden_out(fake_server: FakeServer, tmp_path: Path, fault: str) -> None:
    fake_server.faults = [fault]
    replies = ask(engine(fake_server, timeout=1.0), tmp_path)
    assert [len(several) for several in replies] == [1] * len(PROMPTS)
    assert len(fake_server.requests) == len(PROMPTS) + 1


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        ("401", ConfigError, ["refuses the key", "401", "LEMA_TEST_KEY"]),
        ("404", ConfigError, ["404", "no such model"]),
        ("400", InputError, ["400", "too long", "'q0'"]),
        ("html", StageFailed, ["nothing that could be read"]),
        ("broken", StageFailed, ["nothing that could be read"]),
        ("none", StageFailed, ["nothing that could be read"]),
    ],
)
def test_a_lasting_fault_is_one_clear_message(
    fake_server: FakeServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    error: type[LemaError],
    words: list[str],
) -> None:
    monkeypatch.setenv("LEMA_TEST_KEY", KEY)
    fake_server.faults = [fault]
    with pytest.raises(error) as caught:
        ask(engine(fake_server, concurrency=1), tmp_path)
    message = str(caught.value)
    for word in [*words, "127.0.0.1", "org/fake-1", "0 replies are saved", "same command"]:
        assert word in message
    assert "\n" not in message


def test_a_server_that_never_answers_is_told_from_a_dead_one(fake_server: FakeServer, tmp_path: Path) -> None:
    fake_server.faults = ["hang"]
    with pytest.raises(StageFailed, match=r"no answer within 0\.5 s \(one try\)"):
        ask(engine(fake_server, max_retries=0, timeout=0.5), tmp_path)


def test_a_dead_server_is_named_and_what_it_answered_is_kept(fake_server: FakeServer, tmp_path: Path) -> None:
    ask(engine(fake_server), tmp_path, PROMPTS[:4])
    fake_server.stop()
    with pytest.raises(StageFailed, match=r"cannot be reached \(one try\).*4 replies are saved"):
        ask(engine(fake_server, max_retries=0), tmp_path)
    fake_server.start()
    ask(engine(fake_server), tmp_path)
    assert len(fake_server.answered) == len(PROMPTS)


def test_the_key_is_in_no_file_message_or_log(
    fake_server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("LEMA_TEST_KEY", KEY)
    ask(engine(fake_server), tmp_path)
    for fault in ("401", "400", "500"):
        fake_server.faults = [fault]
        with pytest.raises(LemaError) as caught:
            ask(engine(fake_server, max_retries=0, provider=fault), tmp_path)
        assert KEY not in str(caught.value) and caught.value.__cause__ is None
    assert not any(KEY in file.read_text() for file in tmp_path.rglob("*") if file.is_file())
    assert KEY not in caplog.text and KEY not in repr(engine(fake_server))


def test_a_missing_key_names_its_variable_except_for_a_local_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ConfigError, match=r"api\.openai\.com needs a key.*OPENAI_API_KEY"):
        ask(OpenAI(model="gpt-4"), tmp_path)


def test_a_key_with_a_line_break_is_refused_without_being_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", f"{KEY}\n{KEY}")
    with pytest.raises(ConfigError, match="OPENAI_API_KEY") as caught:
        ask(OpenAI(model="gpt-4"), tmp_path)
    assert KEY not in str(caught.value)


def test_names_and_passwords_in_an_address_are_not_shown(tmp_path: Path) -> None:
    spec = OpenAI(model="m", base_url="http://user:secret@127.0.0.1:9/v1", max_retries=0)
    with pytest.raises(StageFailed) as caught:
        ask(spec, tmp_path)
    assert "secret" not in str(caught.value)


def test_no_more_requests_run_at_once_than_allowed(fake_server: FakeServer, tmp_path: Path) -> None:
    fake_server.delay = 0.05
    ask(engine(fake_server, concurrency=2), tmp_path)
    assert fake_server.most_at_once == 2


def test_the_pace_of_requests_is_kept(fake_server: FakeServer, tmp_path: Path) -> None:
    import time

    began = time.monotonic()
    ask(engine(fake_server, requests_per_minute=600), tmp_path)
    assert time.monotonic() - began >= 0.1 * (len(PROMPTS) - 1)


def test_the_tokens_of_n_replies_sum_to_what_was_billed(fake_server: FakeServer, tmp_path: Path) -> None:
    for several in ask(engine(fake_server), tmp_path, sampling=WARM):
        assert sum(reply.completion_tokens for reply in several) == 27
        assert {reply.prompt_tokens for reply in several} == {4}


def test_text_ends_before_a_stop_string_even_when_the_server_leaves_it_in(
    fake_server: FakeServer, tmp_path: Path
) -> None:
    (reply,), *_ = ask(engine(fake_server), tmp_path, sampling=Sampling(stop=(" The answer",)))
    assert reply.text.startswith("Step 1: Ann") and "answer" not in reply.text
    assert fake_server.requests[0]["stop"] == [" The answer"]


@pytest.mark.parametrize("api", ["chat", "completions"])
def test_log_probabilities_come_back_when_asked_for(fake_server: FakeServer, tmp_path: Path, api: str) -> None:
    (reply,), *_ = ask(engine(fake_server, api=api), tmp_path, sampling=Sampling(logprobs=True))
    assert reply.logprobs == (-0.5, -0.5, -0.5)


def test_a_chat_is_one_user_turn_after_the_system_turn(fake_server: FakeServer, tmp_path: Path) -> None:
    ask(engine(fake_server, system="Be brief."), tmp_path, PROMPTS[:1])
    assert fake_server.requests[0]["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": PROMPTS[0].text},
    ]


def test_api_completions_sends_the_text_as_it_is_and_refuses_chat_turns(
    fake_server: FakeServer, tmp_path: Path
) -> None:
    ask(engine(fake_server, api="completions"), tmp_path, PROMPTS[:1])
    assert fake_server.requests[0]["prompt"] == PROMPTS[0].text
    with pytest.raises(ConfigError, match="api=chat"):
        ask(engine(fake_server, api="completions"), tmp_path, [Prompt(id="c", text="Hi", chat=True)])


def test_it_works_inside_a_running_event_loop(fake_server: FakeServer, tmp_path: Path) -> None:
    import asyncio

    async def notebook() -> list[list[Reply]]:
        return ask(engine(fake_server), tmp_path)

    assert len(asyncio.run(notebook())) == len(PROMPTS)


def test_a_checkpoint_is_refused(fake_server: FakeServer, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot load"), engine(fake_server).open(checkpoint=tmp_path):
        pass


def test_a_missing_package_says_how_to_install_it(
    fake_server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(MissingExtra, match=r"pip install 'lema\[openai\]'"):
        ask(engine(fake_server), tmp_path)


def test_a_reply_file_holds_what_was_asked_in_plain_json(fake_server: FakeServer, tmp_path: Path) -> None:
    ask(engine(fake_server), tmp_path, PROMPTS[:1])
    (file,) = tmp_path.glob("??/*.json")
    saved = json.loads(file.read_text())
    assert saved["request"]["messages"][0]["content"] == PROMPTS[0].text
    assert file.parent.name == file.name[:2]
