"""Everything of submitit that is used and not documented; no other file here goes inside it.

submitit documents how a Python function is submitted, which it pickles. A stage is a shell command, on a cluster as on
a laptop (docs/decisions/015-cluster.md), and submitit takes those underneath.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from typing import TYPE_CHECKING, Any

from lema.base.doors import Door

if TYPE_CHECKING:
    from submitit import SlurmExecutor

SUBMITIT = Door("submitit", tried=("1.5.4",))


class Refusal(Exception):
    """What sbatch says of a script that it does not take."""


def ask(made: SlurmExecutor, settings: dict[str, Any]) -> None:
    """Have submitit ask sbatch for these.

    Raises:
        Moved: submitit has no such settings.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made.update_parameters(**settings)
    except ValueError as fault:
        if not str(fault).startswith("Unavailable parameter"):
            raise
        raise SUBMITIT.moved(str(fault).partition("\n")[0]) from None


def enqueue(made: SlurmExecutor, command: str) -> str:
    """Put a shell command into the queue and return the job's id.

    Raises:
        Refusal: SLURM does not take it.
        Moved: submitit has no such way.
    """
    with SUBMITIT.importing():
        from submitit.core.utils import FailedJobError
    SUBMITIT.takes(type(made), "_submit_command", "command")
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # where submitit repeats what it raises
            job = made._submit_command(command)
    except FailedJobError as fault:
        raise Refusal(" ".join(str(fault).split())) from None
    return str(job.job_id)


def script(made: SlurmExecutor, command: str) -> str:
    """What sbatch would be given.

    Raises:
        Moved: submitit has no such way.
    """
    SUBMITIT.takes(type(made), "_make_submission_file_text", "command", "uid")
    return str(made._make_submission_file_text(command, "none"))
