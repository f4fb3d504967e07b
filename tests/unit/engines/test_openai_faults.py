"""Servers that fail: what is tried again, what is said, and that no key is ever shown."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import pytest
from servers.faulty import Fault, Faulty

from lema.base.errors import ConfigError, InputError, LemaError, StageFailed
from lema.base.protocols import Prompt, Reply, Sampling
from lema.engines.openai.engine import OpenAI

KEY = "planted-5e7a9c1b3d5f7a9c"
PROMPTS = [Prompt(id=f"q{number}", text=f"Ann has {number} apples.") for number in range(5)]


@pytest.fixture(autouse=True)
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEMA_TEST_KEY", KEY)


def ask(server: Faulty, replies: Path, prompts: list[Prompt] = PROMPTS, **changes: Any) -> list[list[Reply]]:
    settings: dict[str, Any] = {"timeout": 5.0, "max_retries": 2, "api_key_env": "LEMA_TEST_KEY"} | changes
    with OpenAI(**({"model": "toy-1", "base_url": server.url} | settings)).open(replies=replies) as complete:
        return complete(prompts, Sampling())


def saved(folder: Path) -> int:
    return len(list(folder.glob("??/*.json")))


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=429, headers={"Retry-After": "0.2"}),
        Fault(status=500),
        Fault(hang=30),
        Fault(drop=True),
        Fault(cut=True),
        Fault(body=b"<html>welcome</html>"),
        Fault(body=b'{"choices": ['),
        Fault(choices=0),
    ],
    ids=["429", "500", "hang", "drop", "cut", "html", "half", "none"],
)
def test_what_passes_is_tried_again_and_answered(faulty: Faulty, tmp_path: Path, fault: Fault) -> None:
    faulty.faults = {PROMPTS[2].text: [fault]}
    replies = ask(faulty, tmp_path, timeout=4.0 if fault.hang else 120.0)
    assert [several[0].text.partition(" ->")[0] for several in replies] == [prompt.text for prompt in PROMPTS]
    assert [faulty.asked[prompt.text] for prompt in PROMPTS] == [1, 1, 2, 1, 1]
    assert saved(tmp_path) == 5


def test_retry_after_is_kept_to(faulty: Faulty, tmp_path: Path) -> None:
    faulty.next = [Fault(status=429, headers={"Retry-After": "1.5"})]
    ask(faulty, tmp_path, PROMPTS[:1])
    assert faulty.times[1] - faulty.times[0] >= 1.5


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        (Fault(status=401, message="no such key: {key}"), InputError, ["HTTP 401: no such key: ***", "LEMA_TEST_KEY"]),
        (Fault(status=403), InputError, ["HTTP 403", "LEMA_TEST_KEY"]),
        (Fault(status=404, message="no model toy-1"), InputError, ["HTTP 404: no model toy-1", "base_url"]),
        (Fault(status=429, headers={"Retry-After": "9999"}), StageFailed, ["to wait 9,999 s", "longest_wait=3600"]),
        (
            Fault(status=503, message="sick", headers={"Retry-After": "0.01"}),
            StageFailed,
            ["HTTP 503: sick", "2 tries"],
        ),
        (Fault(drop=True), StageFailed, ["cannot be reached", "2 tries"]),
        (Fault(hang=30), StageFailed, ["within 2.5 s", "2 tries"]),
        (Fault(body=b"{}"), StageFailed, ["could be read", "2 tries"]),
    ],
    ids=["401", "403", "404", "429", "503", "drop", "hang", "unreadable"],
)
def test_what_lasts_is_one_clear_message_and_what_arrived_is_kept(
    faulty: Faulty, tmp_path: Path, fault: Fault, error: type[LemaError], words: list[str]
) -> None:
    faulty.faults = {PROMPTS[3].text: [fault] * 2}
    with pytest.raises(LemaError) as caught:
        ask(faulty, tmp_path, concurrency=1, max_retries=1, timeout=2.5 if fault.hang else 120.0)
    assert type(caught.value) is error
    message = str(caught.value)
    said = [*words, f"127.0.0.1:{faulty.port}", "'toy-1'", f"3 of 5 replies are saved in {tmp_path}", "same command"]
    assert [word for word in said if word not in message] == [] and "\n" not in message
    assert saved(tmp_path) == 3
    faulty.faults.clear()
    ask(faulty, tmp_path)
    assert [faulty.asked[prompt.text] for prompt in PROMPTS[:3]] == [1, 1, 1]


def test_a_lasting_fault_does_not_wait_long_for_what_is_in_flight(
    faulty: Faulty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lema.engines.openai.session.GRACE", 1.0)
    faulty.faults = {PROMPTS[0].text: [Fault(status=404)], PROMPTS[1].text: [Fault(hang=60)]}
    began = time.monotonic()
    with pytest.raises(InputError):
        ask(faulty, tmp_path, timeout=50.0, concurrency=2)
    assert time.monotonic() - began < 45


def test_a_server_that_dies_is_named_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    server = Faulty()
    with server.running():
        ask(server, tmp_path, PROMPTS[:4])
    with pytest.raises(StageFailed, match=r"cannot be reached.*in one try.*4 of 5 replies are saved"):
        ask(server, tmp_path, concurrency=1, max_retries=0)
    with server.running():
        ask(server, tmp_path)
    assert len(server.answered) == len(PROMPTS)


@pytest.mark.parametrize("status", [200, 401, 500])
@pytest.mark.parametrize("key", [KEY, f"sk-{KEY}"])
def test_no_key_in_any_file_message_or_log_even_when_the_server_repeats_it(
    faulty: Faulty,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    status: int,
    key: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("LEMA_TEST_KEY", key)
    text = f'{{"choices": [{{"message": {{"content": "your key is {key}"}}}}], "model": "{key}"}}'
    repeated = Fault(body=text.encode()) if status == 200 else Fault(status=status, message="key {key}, key '{key}'.")
    faulty.faults = {PROMPTS[4].text: [repeated]}
    if status == 200:
        assert ask(faulty, tmp_path)[4][0].text == "your key is ***"
    else:
        with pytest.raises(LemaError) as caught:
            ask(faulty, tmp_path, concurrency=1, max_retries=0)
        assert KEY not in str(caught.value) and "key ***" in str(caught.value) and caught.value.__cause__ is None
        assert caught.value.__suppress_context__
    assert "POST" in caplog.text or "Sending" in caplog.text  # the SDK does log at this level
    assert KEY not in caplog.text
    kept = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert kept and not any(KEY in file.read_text() or KEY in file.name for file in kept)


def test_a_key_with_a_line_break_is_refused_without_being_shown(
    faulty: Faulty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEMA_TEST_KEY", f"{KEY}\n{KEY}")
    with pytest.raises(ConfigError, match="LEMA_TEST_KEY") as caught:
        ask(faulty, tmp_path)
    assert KEY not in str(caught.value) and not faulty.requests


def test_the_servers_words_are_cut_to_a_line(faulty: Faulty, tmp_path: Path) -> None:
    faulty.always = Fault(status=400, message="word\n" * 5000)
    with pytest.raises(InputError) as caught:
        ask(faulty, tmp_path)
    assert len(str(caught.value)) < 800 and "\n" not in str(caught.value)


def test_a_disk_that_cannot_be_written_ends_the_run(faulty: Faulty, tmp_path: Path) -> None:
    missing = tmp_path / "gone"
    with pytest.raises(FileNotFoundError):
        ask(faulty, missing)
    assert not missing.exists()
