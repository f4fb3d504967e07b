"""The client of OpenAI-compatible servers: what it asks, what it keeps, what it gives back."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from servers.faulty import Fault, Faulty, listed_of, text_of

from lema.base.errors import ConfigError, MissingExtra
from lema.base.protocols import Engine, Prompt, Reply, Sampling
from lema.base.spec import key
from lema.engines.openai.engine import OpenAI

PROMPTS = [Prompt(id=f"q{number}", text=f"Ann has {number} apples.", seed=number) for number in range(6)]
GREEDY = Sampling()
WARM = Sampling(n=3, temperature=0.7)


def engine(server: Faulty, **changes: Any) -> OpenAI:
    settings: dict[str, Any] = {
        "base_url": server.url,
        "timeout": 5.0,
        "max_retries": 2,
        "api_key_env": "LEMA_TEST_KEY",
    }
    return OpenAI(**({"model": "org/toy-1"} | settings | changes))


def ask(
    made: OpenAI, replies: Path | None, prompts: list[Prompt] = PROMPTS, sampling: Sampling = GREEDY
) -> list[list[Reply]]:
    with made.open(replies=replies) as complete:
        return complete(prompts, sampling)


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("??/*.json"))


def test_it_is_an_engine_whose_name_can_be_part_of_an_id() -> None:
    made = OpenAI(model="org/toy:8b @x")
    assert isinstance(made, Engine) and made.name == "org-toy-8b-x"


@pytest.mark.parametrize("api", ["chat", "completions"])
def test_replies_come_in_the_order_of_prompts(faulty: Faulty, tmp_path: Path, api: str) -> None:
    faulty.faults = {prompt.text: [Fault(hang=0.3 - 0.05 * place)] for place, prompt in enumerate(PROMPTS)}
    replies = ask(engine(faulty, api=api), tmp_path, sampling=WARM)
    for prompt, several in zip(PROMPTS, replies, strict=True):
        sent = next(request for request in faulty.requests if prompt.text in str(request))
        assert sent["seed"] == prompt.seed
        assert [reply.text for reply in several] == [text_of(sent, place) for place in range(3)]


def test_a_second_run_asks_nothing_and_gives_the_same_replies(faulty: Faulty, tmp_path: Path) -> None:
    first = ask(engine(faulty), tmp_path, sampling=WARM)
    asked = len(faulty.requests)
    assert ask(engine(faulty), tmp_path, sampling=WARM) == first
    assert asked == len(faulty.requests) == len(PROMPTS)


def test_without_a_folder_nothing_is_kept(faulty: Faulty, tmp_path: Path) -> None:
    ask(engine(faulty), None)
    ask(engine(faulty), None)
    assert len(faulty.requests) == 2 * len(PROMPTS)


def test_neither_address_nor_key_nor_how_it_is_asked_counts(
    faulty: Faulty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(engine(faulty), tmp_path)
    monkeypatch.setenv("LEMA_TEST_KEY", "sk-another")
    elsewhere = engine(faulty, base_url="http://127.0.0.1:9/v1", max_retries=0, limit_field="max_completion_tokens")
    assert key(elsewhere) == key(engine(faulty))
    assert len(ask(elsewhere, tmp_path)) == len(PROMPTS)


@pytest.mark.parametrize(
    "changes",
    [{"model": "m"}, {"provider": "p"}, {"api": "completions"}, {"system": "Be brief."}, {"extra_body": {"top_k": 3}}],
    ids=lambda changes: next(iter(changes)),
)
def test_what_decides_a_reply_is_asked_anew(faulty: Faulty, tmp_path: Path, changes: dict[str, Any]) -> None:
    ask(engine(faulty), tmp_path)
    ask(engine(faulty, **changes), tmp_path)
    assert len(faulty.requests) == 2 * len(PROMPTS)
    assert key(engine(faulty, **changes)) != key(engine(faulty))


@pytest.mark.parametrize(
    "sampling",
    [Sampling(temperature=0.5), Sampling(top_p=0.9), Sampling(max_tokens=9), Sampling(stop=("x",)), Sampling(n=2)],
)
def test_so_is_another_way_of_sampling(faulty: Faulty, tmp_path: Path, sampling: Sampling) -> None:
    ask(engine(faulty), tmp_path)
    ask(engine(faulty), tmp_path, sampling=sampling)
    assert len(faulty.requests) == 2 * len(PROMPTS)


def test_a_prompt_is_asked_about_once_a_seed(faulty: Faulty, tmp_path: Path) -> None:
    twice = [Prompt(id="a", text="T"), Prompt(id="b", text="T"), Prompt(id="c", text="T", seed=1)]
    (first,), (second,), (third,) = ask(engine(faulty), None, twice)
    assert first == second != third
    assert len(faulty.requests) == 2


def test_seeds_count_also_for_a_server_that_takes_none(faulty: Faulty, tmp_path: Path) -> None:
    twice = [Prompt(id="a", text="T"), Prompt(id="c", text="T", seed=1)]
    for _ in range(2):
        ask(engine(faulty, extra_body={"seed": None}), tmp_path, twice)
    assert len(faulty.requests) == 2 and not any("seed" in request for request in faulty.requests)


@pytest.mark.parametrize("most", [1, 2])
def test_a_server_that_gives_fewer_choices_is_asked_for_the_rest_with_other_seeds(
    faulty: Faulty, tmp_path: Path, caplog: pytest.LogCaptureFixture, most: int
) -> None:
    faulty.always = Fault(choices=most)
    replies = ask(engine(faulty), tmp_path, sampling=WARM)
    asked = len(faulty.requests)
    assert asked == len(PROMPTS) * (1 + 3 - most)
    assert all(len({reply.text for reply in several}) == 3 for several in replies)
    assert f"{most} of 3 choices" in caplog.text
    assert ask(engine(faulty), tmp_path, sampling=WARM) == replies
    assert len(faulty.requests) == asked


@pytest.mark.parametrize("extra", [{"seed": None}, {"n": 1}])
def test_missing_choices_are_different_requests_whatever_extra_body_says(
    faulty: Faulty, tmp_path: Path, extra: dict[str, Any]
) -> None:
    faulty.always = Fault(choices=1)
    ask(engine(faulty, extra_body=extra), tmp_path, PROMPTS[:1], WARM)
    assert len(faulty.requests) == len(files(tmp_path)) == 3


def test_no_more_requests_run_at_once_than_allowed(faulty: Faulty, tmp_path: Path) -> None:
    faulty.delay = 0.05
    many = [Prompt(id=str(number), text=str(number)) for number in range(30)]
    ask(engine(faulty, concurrency=3), tmp_path, many)
    assert faulty.peak == 3


def test_the_pace_of_requests_is_kept(faulty: Faulty, tmp_path: Path) -> None:
    ask(engine(faulty, requests_per_minute=600), tmp_path)
    assert faulty.times[-1] - faulty.times[0] >= 0.1 * (len(PROMPTS) - 1) - 0.05


def test_tokens_of_replies_add_up_to_what_was_billed(faulty: Faulty, tmp_path: Path) -> None:
    for several in ask(engine(faulty), tmp_path, sampling=WARM):
        assert sum(reply.prompt_tokens for reply in several) == 11
        assert sum(reply.completion_tokens for reply in several) == 21
        assert all(reply.completion_tokens > 0 for reply in several)


def test_a_reply_cut_by_the_limit_says_so(faulty: Faulty, tmp_path: Path) -> None:
    faulty.always = Fault(patch={"finish_reason": "length"})
    assert ask(engine(faulty), tmp_path)[0][0].finish_reason == "length"


def test_text_ends_before_a_stop_string_even_when_the_server_leaves_it_in(faulty: Faulty, tmp_path: Path) -> None:
    (reply,), *_ = ask(engine(faulty), tmp_path, sampling=Sampling(stop=(" has",)))
    assert reply.text == "Ann" and faulty.requests[0]["stop"] == [" has"]


def test_half_a_character_at_the_end_of_a_text_is_no_fault(faulty: Faulty, tmp_path: Path) -> None:
    faulty.next = [
        Fault(body=b'{"choices": [{"message": {"content": "caf\\u00e9 \\ud83d"}, "finish_reason": "length"}]}')
    ]
    for _ in range(2):
        assert ask(engine(faulty), tmp_path, PROMPTS[:1])[0][0].text == "café ?"
    assert len(faulty.requests) == 1


@pytest.mark.parametrize("api", ["chat", "completions"])
def test_log_probabilities_come_back_when_asked_for(faulty: Faulty, tmp_path: Path, api: str) -> None:
    (reply,), *_ = ask(engine(faulty, api=api), tmp_path, sampling=Sampling(logprobs=True))
    assert reply.logprobs == (-0.5,) * 7


@pytest.mark.parametrize("api", ["chat", "completions"])
def test_choices_are_looked_up_among_the_tokens_that_the_server_lists(faulty: Faulty, tmp_path: Path, api: str) -> None:
    choices = ("A", "Z", "C")
    for changes in ({}, {"extra_body": {"top_logprobs" if api == "chat" else "logprobs": 3}}):
        replies = ask(engine(faulty, api=api, **changes), tmp_path, sampling=Sampling(choices=choices, n=2))
        for prompt, (reply, again) in zip(PROMPTS, replies, strict=True):
            listed = listed_of({"prompt": prompt.text, "logprobs": 3 if changes else 20})
            expected = [listed.get(choice, min(listed.values())) for choice in choices]
            assert list(reply.choices or ()) == expected
            assert reply.text == again.text == choices[expected.index(max(expected))]
            assert (reply.prompt_tokens, reply.completion_tokens, again.prompt_tokens) == (11, 7, 0)
    asked = len(faulty.requests)
    ask(engine(faulty, api=api), tmp_path, sampling=Sampling(choices=("A", "B")))  # the same tokens answer any choices
    assert len(faulty.requests) == asked


def test_chat_is_one_user_turn_after_the_system_turn(faulty: Faulty, tmp_path: Path) -> None:
    ask(engine(faulty, system="Be brief."), tmp_path, PROMPTS[:1])
    assert faulty.requests[0]["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": PROMPTS[0].text},
    ]


def test_completions_send_the_text_as_it_is_and_refuse_chat_turns(faulty: Faulty, tmp_path: Path) -> None:
    ask(engine(faulty, api="completions"), tmp_path, PROMPTS[:1])
    assert faulty.requests[0]["prompt"] == PROMPTS[0].text
    with pytest.raises(ConfigError, match="api=chat"):
        ask(engine(faulty, api="completions"), tmp_path, [Prompt(id="c", text="Hi", chat=True)])


def test_temperature_and_top_p_are_always_said_and_the_limit_by_the_servers_name(faulty: Faulty) -> None:
    ask(engine(faulty, limit_field="max_completion_tokens"), None, PROMPTS[:1])
    sent = faulty.requests[0]
    assert (sent["temperature"], sent["top_p"], sent["max_completion_tokens"]) == (0, 1, 512)
    assert "max_tokens" not in sent


def test_a_reply_file_holds_question_and_answer_in_plain_json(faulty: Faulty, tmp_path: Path) -> None:
    ask(engine(faulty), tmp_path, PROMPTS[:1])
    (file,) = files(tmp_path)
    kept = json.loads(file.read_text())
    assert kept["request"]["body"]["messages"][0]["content"] == PROMPTS[0].text
    assert kept["answer"]["model"] == "org/toy-1-2024" and kept["answer"]["prompt_tokens"] == 11
    assert file.parent.name == file.name[:2]


@pytest.mark.parametrize("damage", ["empty", "half", "null", "edited answer", "edited request", "another's", "zeros"])
def test_a_reply_file_that_is_not_what_was_written_is_reported_and_asked_again(
    faulty: Faulty, tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    good = ask(engine(faulty), tmp_path)
    file, other = files(tmp_path)[:2]
    whole = file.read_bytes()
    damaged = {
        "empty": b"",
        "half": whole[: len(whole) // 2],
        "null": b"null",
        "edited answer": whole.replace(b" -> ", b" => "),
        "edited request": whole.replace(b'"seed": ', b'"seed": 1'),
        "another's": other.read_bytes(),
        "zeros": bytes(len(whole)),
    }[damage]
    assert damaged != whole
    file.write_bytes(damaged)
    assert ask(engine(faulty), tmp_path) == good
    assert len(faulty.requests) == len(PROMPTS) + 1
    assert str(file) in caplog.text and file.read_bytes() == whole


LOOP = """
import sys
from pathlib import Path
from lema.engines.openai.engine import OpenAI
from lema.base.protocols import Prompt, Sampling
made = OpenAI(model="toy", base_url=sys.argv[1], concurrency=4)
with made.open(replies=Path(sys.argv[2])) as complete:
    complete([Prompt(id=str(n), text=f"prompt {n}") for n in range(40)], Sampling())
"""


def test_after_a_kill_no_saved_reply_is_asked_for_again(faulty: Faulty, tmp_path: Path) -> None:
    faulty.faults = {f"prompt {n}": [Fault(hang=600)] for n in range(13, 40)}
    command = [sys.executable, "-c", LOOP, faulty.url, str(tmp_path)]
    first = subprocess.Popen(command)
    until(lambda: len(files(tmp_path)) == 13 and len(faulty.asked) == 17)
    first.kill()
    first.wait()
    faulty.faults.clear()
    saved = {json.loads(file.read_text())["request"]["body"]["messages"][0]["content"] for file in files(tmp_path)}
    assert saved == {f"prompt {n}" for n in range(13)}
    subprocess.run(command, check=True)
    again = {prompt for prompt, times in faulty.asked.items() if times > 1}
    assert set(faulty.asked) == {f"prompt {n}" for n in range(40)}
    assert not again & saved and len(again) <= 4  # those in flight


def test_an_interruption_ends_the_wait_at_once_and_keeps_what_arrived(faulty: Faulty, tmp_path: Path) -> None:
    faulty.faults = {PROMPTS[5].text: [Fault(hang=60)]}
    began = time.monotonic()

    def stop(_signum: int, _frame: object) -> None:
        raise InterruptedError

    def interrupt() -> None:
        until(lambda: len(files(tmp_path)) == 5)
        os.kill(os.getpid(), signal.SIGUSR1)

    previous = signal.signal(signal.SIGUSR1, stop)
    try:
        with pytest.raises(InterruptedError), engine(faulty, timeout=50.0).open(replies=tmp_path) as complete:
            threading.Thread(target=interrupt).start()
            complete(PROMPTS, Sampling())
    finally:
        signal.signal(signal.SIGUSR1, previous)
    assert time.monotonic() - began < 30 and len(files(tmp_path)) == 5


def until(true: Any, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_it_works_inside_a_running_event_loop(faulty: Faulty, tmp_path: Path) -> None:
    async def notebook() -> list[list[Reply]]:
        return ask(engine(faulty), tmp_path)

    assert len(asyncio.run(notebook())) == len(PROMPTS)


def test_what_cannot_be_is_said_before_anything_is_asked(
    faulty: Faulty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"), OpenAI(model="gpt-4").open():
        pass
    with pytest.raises(ConfigError, match="trained"), engine(faulty).open(checkpoint=tmp_path):
        pass
    with pytest.raises(ConfigError, match=r"^system"):
        engine(faulty, api="completions", system="x").check()
    for url in ("http://me:planted@127.0.0.1/v1", "http://127.0.0.1/v1?api_key=planted", "http://127.0.0.1/v1#planted"):
        with pytest.raises(ConfigError, match=r"^base_url") as caught:
            engine(faulty, base_url=url).check()
        assert "planted" not in str(caught.value)
    with pytest.raises(ConfigError, match=r"^stop: .*backslash"):
        Sampling(stop=("\\n\\n",)).check()


def test_a_missing_package_says_how_to_install_it(faulty: Faulty, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(MissingExtra, match=r"pip install 'lema\[openai\]'"), engine(faulty).open():
        pass


def test_what_is_asked_found_and_retried_is_logged(
    faulty: Faulty, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="lema")
    with engine(faulty).open(replies=tmp_path) as complete:
        complete(PROMPTS[:2], Sampling())
        faulty.next = [Fault(status=500)]
        complete(PROMPTS, Sampling())
    assert "answered 6, found on disk 2, retries 1" in caplog.text
