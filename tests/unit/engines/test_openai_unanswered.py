"""Prompts that a server never answers are counted rejects; servers that ask for patience get it; odd forms are read."""

from __future__ import annotations

import errno
import json
import logging
import os
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from servers.faulty import Fault, Faulty

from lema.base.errors import InputError, StageFailed
from lema.base.protocols import Prompt, Reply, Sampling
from lema.engines.openai import asking, bodies, reply_cache
from lema.engines.openai.engine import OpenAI
from lema.engines.openai.waiting import told_to_wait

PROMPTS = [Prompt(id=f"q{number}", text=f"Ben has {number} pears.") for number in range(40)]
LONG = Fault(status=400, message="This model's maximum context length is 4096 tokens, you sent 9000.")
FILTERED = Fault(status=400, message="The response was filtered due to our content management policy.")

REFUSED = [LONG, FILTERED, Fault(status=413), Fault(status=422, message="no")]


def ask(
    server: Faulty, replies: Path | None, prompts: list[Prompt] = PROMPTS, sampling: Sampling | None = None, **more: Any
) -> list[list[Reply]]:
    settings: dict[str, Any] = {"timeout": 30.0, "max_retries": 1, "base_url": server.url} | more
    with OpenAI(model="toy", **settings).open(replies=replies) as complete:
        return complete(prompts, sampling or Sampling())


@pytest.mark.parametrize("fault", REFUSED, ids=["long", "filtered", "413", "422"])
@pytest.mark.parametrize("n", [1, 3])
def test_prompts_that_are_refused_for_good_are_replies_without_text_and_asked_once(
    faulty: Faulty, tmp_path: Path, caplog: pytest.LogCaptureFixture, fault: Fault, n: int
) -> None:
    faulty.faults = {PROMPTS[at].text: [fault] * 9 for at in (20, 30)}
    for _ in range(2):
        found = ask(faulty, tmp_path, sampling=Sampling(n=n, temperature=0.7), concurrency=2)
        assert [at for at, several in enumerate(found) if not several[0].text] == [20, 30]
        assert [len(several) for several in found] == [n] * 40
        assert {reply.finish_reason for at in (20, 30) for reply in found[at]} == {"refused"}
    assert faulty.asked[PROMPTS[20].text] == 1
    assert "no answer to prompt 'q20' (refused)" in caplog.text


def test_a_refusal_that_says_it_is_the_prompt_counts_also_where_it_comes_first(faulty: Faulty, tmp_path: Path) -> None:
    faulty.faults = {PROMPTS[0].text: [LONG]}
    assert [several[0].finish_reason for several in ask(faulty, tmp_path, concurrency=1)] == ["refused"] + ["stop"] * 39


def test_a_refusal_of_the_form_stops_at_once(faulty: Faulty, tmp_path: Path) -> None:
    faulty.always = Fault(status=400, message="Unrecognized request argument: seed")
    with pytest.raises(InputError, match=r"'q0'.*Unrecognized request argument.*0 of 40 replies are saved"):
        ask(faulty, tmp_path, concurrency=1)
    assert len(faulty.requests) == 1


def test_too_many_refusals_stop_with_the_share_that_is_allowed(faulty: Faulty, tmp_path: Path) -> None:
    faulty.faults = {prompt.text: [LONG] for prompt in PROMPTS[10:]}
    with pytest.raises(InputError, match=r"the 10th prompt without an answer.*most_refused=0\.1.*\d+ of 40 replies"):
        ask(faulty, tmp_path, concurrency=1)
    assert len(faulty.requests) == 20
    assert len(ask(faulty, tmp_path, most_refused=1.0)) == 40
    assert max(faulty.asked.values()) <= 2


def test_what_is_in_flight_when_something_else_stops_is_kept(faulty: Faulty, tmp_path: Path) -> None:
    faulty.faults = {PROMPTS[0].text: [Fault(status=401)], **{p.text: [Fault(hang=1.0)] for p in PROMPTS[1:8]}}
    with pytest.raises(InputError, match=r"HTTP 401.*7 of 40 replies are saved"):
        ask(faulty, tmp_path, concurrency=8)
    assert len(faulty.requests) == 8


FORMS: dict[str, dict[str, Any]] = {
    "usage null": {"usage": None},
    "usage of null": {"usage": {"prompt_tokens": 7.0, "completion_tokens": None}},
    "usage of words": {"usage": {"prompt_tokens": "7", "completion_tokens": -1}},
    "usage a list": {"usage": [7]},
    "index null": {"choices": [{"index": None, "message": {"content": "good"}}]},
    "index 0.0": {"choices": [{"index": 0.0, "message": {"content": "good"}}]},
    "parts": {"choices": [{"message": {"content": [{"type": "text", "text": "go"}, {"type": "text", "text": "od"}]}}]},
    "texts": {"choices": [{"message": {"content": ["go", "od", {"type": "image"}]}}]},
}


@pytest.mark.parametrize("name", FORMS)
def test_good_text_in_an_odd_form_is_read_and_paid_for_once(faulty: Faulty, tmp_path: Path, name: str) -> None:
    body = {"choices": [{"message": {"content": "good"}, "finish_reason": "stop"}], **FORMS[name]}
    faulty.always = Fault(body=json.dumps(body).encode())
    assert ask(faulty, tmp_path, PROMPTS[:1])[0][0].text == "good"
    assert len(faulty.requests) == 1


MISSING = [
    ({"finish_reason": "error"}, "error", 2),
    ({"finish_reason": "stop", "message": {"content": None}}, "empty", 2),
    ({"finish_reason": "tool_calls", "message": {"content": None, "tool_calls": []}}, "empty", 2),
    ({"finish_reason": "stop", "message": {"content": None, "refusal": "I cannot help with that"}}, "refused", 1),
    ({"finish_reason": "content_filter", "message": {"content": None}}, "refused", 1),
    ({"finish_reason": "length", "message": {"content": None}}, "length", 1),
]


@pytest.mark.parametrize(("patch", "reason", "asked"), MISSING, ids=lambda value: str(value)[:30])
def test_what_holds_no_text_is_counted_as_what_it_is(
    faulty: Faulty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patch: dict[str, Any], reason: str, asked: int
) -> None:
    monkeypatch.setattr(asking, "PAUSE", 0.01)
    faulty.faults = {PROMPTS[3].text: [Fault(patch=patch)] * 9}
    (reply,) = ask(faulty, tmp_path, PROMPTS[:5])[3]
    assert (reply.text, reply.finish_reason) == ("", reason)
    assert faulty.asked[PROMPTS[3].text] == asked
    ask(faulty, tmp_path, PROMPTS[:5])
    assert faulty.asked[PROMPTS[3].text] == asked * (2 if asked > 1 else 1)  # for good, or perhaps not the next time


def test_all_requests_wait_together_where_the_server_asks_for_it(
    faulty: Faulty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(asking, "SHORT", -1.0)  # what the SDK itself would wait for is ours too
    faulty.faults = {PROMPTS[2].text: [Fault(status=429, headers={"Retry-After": "2", "x-should-retry": "false"})]}
    ask(faulty, tmp_path, concurrency=1)
    pauses = [after - before for before, after in zip(faulty.times, faulty.times[1:], strict=False)]
    assert max(pauses) >= 2 and len(faulty.requests) == 41
    assert "asks for a pause (HTTP 429): waiting 2 s" in caplog.text


@pytest.mark.parametrize("after", ["99999", "1e300", "inf", "Wed, 21 Oct 2099 07:28:00 GMT"])
def test_a_pause_longer_than_allowed_ends_the_run_in_words(faulty: Faulty, tmp_path: Path, after: str) -> None:
    faulty.faults = {PROMPTS[2].text: [Fault(status=429, headers={"Retry-After": after, "x-should-retry": "false"})]}
    with pytest.raises(StageFailed, match=r"asks to wait .* s for model 'toy'.*longest_wait=100 s.*2 of 40 replies"):
        ask(faulty, tmp_path, concurrency=1, longest_wait=100.0)


def test_what_retry_after_says_is_read_in_all_its_forms() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert 80 <= (told_to_wait({"retry-after": soon}) or 0) <= 91
    assert told_to_wait({"retry-after": "12.5"}) == 12.5 and told_to_wait({"retry-after-ms": "1500"}) == 1.5
    assert told_to_wait({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    assert [told_to_wait({"retry-after": said}) for said in ("", "soon", "nan", "-1")] == [None] * 4


def test_an_account_with_nothing_left_is_said_as_that(faulty: Faulty, tmp_path: Path) -> None:
    faulty.always = Fault(status=429, message="You exceeded your current quota", headers={"x-should-retry": "false"})
    with pytest.raises(StageFailed, match=r"quota of the key in OPENAI_API_KEY is used up") as caught:
        ask(faulty, tmp_path, PROMPTS[:1])
    assert "concurrency" not in str(caught.value)


def test_a_body_that_drips_for_ever_is_late_and_one_without_end_too_large(
    faulty: Faulty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    faulty.faults = {PROMPTS[1].text: [Fault(drip=0.2)]}
    began = time.monotonic()
    assert ask(faulty, tmp_path / "a", PROMPTS[:3], timeout=3.0)[1][0].text
    assert faulty.asked[PROMPTS[1].text] == 2 and time.monotonic() - began < 60
    monkeypatch.setattr(bodies, "MOST_BYTES", 1000)
    faulty.always = Fault(body=b'{"choices": [' + b" " * 5000)
    with pytest.raises(StageFailed, match=r"more than 0 MiB|cannot be reached"):
        ask(faulty, tmp_path / "b", PROMPTS[:1], max_retries=0)


def test_on_a_full_disk_nothing_is_asked(faulty: Faulty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, chunks: Any, *, sync: bool = True) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(reply_cache, "write_whole", full)
    for _ in range(2):
        with pytest.raises(OSError, match="No space left"):
            ask(faulty, tmp_path, concurrency=8)
    assert not faulty.requests


def test_a_disk_that_fills_up_stops_the_asking_and_keeps_what_fits(
    faulty: Faulty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, written = reply_cache.write_whole, []

    def filling(path: Path, chunks: Any, *, sync: bool = True) -> None:
        written.append(path)
        if len(written) == 6:  # the first is the probe
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        whole(path, chunks, sync=sync)

    monkeypatch.setattr(reply_cache, "write_whole", filling)
    with pytest.raises(OSError, match="No space left"):
        ask(faulty, tmp_path, concurrency=4)
    assert len(faulty.requests) <= 4 + 4 + 1
    assert len(list(tmp_path.glob("??/*.json"))) == len(faulty.requests) - 1  # all but the one that did not fit


def test_what_a_killed_process_left_half_written_is_swept_once_it_is_old(faulty: Faulty, tmp_path: Path) -> None:
    (tmp_path / "ab").mkdir()
    old, new = tmp_path / "ab" / ".x.json.1234.tmp", tmp_path / "ab" / ".y.json.1234.tmp"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    ask(faulty, tmp_path, PROMPTS[:2])
    assert not old.exists() and new.exists()
    assert not list(tmp_path.glob(".room*"))


def test_the_log_says_how_many_prompts_have_no_answer(
    faulty: Faulty, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="lema")
    faulty.faults = {PROMPTS[5].text: [LONG]}
    ask(faulty, tmp_path, concurrency=1)
    assert "without an answer 1" in caplog.text
