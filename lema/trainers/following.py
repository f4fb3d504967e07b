"""What a node that is not the first does for a training: run its ranks when, and as long as, the first one calls."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from lema.base.protocols import TrainJob
from lema.trainers.nodes import RENDEZVOUS, STOPS, Call, Place
from lema.trainers.process import command, environment, kill

POLL = 0.3  # seconds between looks into the meeting


def follow(here: Place) -> int:
    """Run this node's ranks whenever the first node calls, until it ends. Returns the exit code."""
    for number in STOPS:
        signal.signal(number, signal.SIG_IGN)  # the first node decides what a request to stop means
    done = ""
    while not here.over:
        call = here.called()
        if call is not None and call.job and call.id != done:
            done = call.id
            _serve(here, call)
        time.sleep(POLL)
    return 0


def _serve(here: Place, call: Call) -> None:
    job = msgspec.json.decode(Path(call.job).read_bytes(), type=TrainJob)
    process = subprocess.Popen(
        command(Path(call.job)),
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        env={**environment(job), RENDEZVOUS: call.rendezvous},
        start_new_session=True,
    )
    try:
        while process.poll() is None and not here.over and here.called() == call:
            time.sleep(POLL)
        if process.returncode and here.called() == call:
            here.mourn(process.returncode)
    finally:
        kill(process)
