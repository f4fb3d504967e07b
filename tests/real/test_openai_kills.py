"""Kills of a process that asks a server, again and again: what was answered and kept is never asked a second time."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

from servers.faulty import Faulty

PROMPTS, AT_ONCE, KILLS = 160, 8, 8
LOOP = f"""
import sys
from pathlib import Path
from lema.engines.openai.engine import OpenAI
from lema.base.protocols import Prompt, Sampling
made = OpenAI(model="toy", base_url=sys.argv[1], concurrency={AT_ONCE})
print("asking", flush=True)
with made.open(replies=Path(sys.argv[2])) as complete:
    complete([Prompt(id=str(n), text=f"prompt {{n}}") for n in range({PROMPTS})], Sampling())
"""


def kept(folder: Path) -> set[str]:
    return {
        json.loads(file.read_text())["request"]["body"]["messages"][0]["content"] for file in folder.glob("??/*.json")
    }


def test_kills_ask_again_only_what_was_in_flight(tmp_path: Path) -> None:
    server, draw = Faulty(delay=0.05), random.Random(0)
    with server.running() as url:
        command = [sys.executable, "-c", LOOP, url, str(tmp_path)]
        for _ in range(KILLS):
            before = kept(tmp_path)
            asked = len(server.requests)
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            assert process.stdout is not None and process.stdout.readline() == "asking\n"
            until, enough = time.monotonic() + 120, draw.randint(1, 16)
            while len(server.requests) < asked + enough and time.monotonic() < until:
                time.sleep(0.002)
            process.kill()
            process.wait()
            assert not before & {request["messages"][0]["content"] for request in server.requests[asked:]}
        assert len(kept(tmp_path)) < PROMPTS, "the kills came too late to disturb anything"
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert set(server.asked) == {f"prompt {n}" for n in range(PROMPTS)} == kept(tmp_path)
    assert len(server.requests) - PROMPTS <= KILLS * AT_ONCE
