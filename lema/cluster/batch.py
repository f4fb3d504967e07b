"""Scripts for sbatch, written and handed over by submitit, and what runs in them around a stage."""

from __future__ import annotations

import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lema.base.errors import ConfigError, Preempted
from lema.cluster.submitit_inside import ask, enqueue, script
from lema.config.profile import Profile, Resources
from lema.trainers.nodes import MEETING, NODES, PER_NODE

if TYPE_CHECKING:
    from submitit import SlurmExecutor

#: Exit codes after which a job goes on later: our own, and those of a process that had not yet learned to listen.
AGAIN = (Preempted.exit_code, 128 + 10, 128 + 12, 128 + 15)


def submit(folder: Path, command: str, settings: dict[str, Any]) -> str:
    """Put a shell command into the queue and return the job's id; script and logs lie in `folder`.

    Raises:
        Refusal: SLURM does not take it.
        ConfigError: there is no SLURM here.
    """
    return enqueue(executor(folder, settings), command)


def trial(asked: Resources, profile: Profile) -> str:
    """What SLURM says when asked whether it would take such a job; nothing is submitted. Empty: it would."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trial.sh"
        made = executor(Path(folder), parameters(asked, profile, Path(folder), (), Path(folder)))
        path.write_text(script(made, "true"))
        words = ["sbatch", "--test-only", str(path)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    return " ".join(done.stderr.split()) if done.returncode else ""


def parameters(asked: Resources, profile: Profile, code: Path, after: Sequence[str], folder: Path) -> dict[str, Any]:
    """What submitit is told of a job that runs from a copy of the code, after other jobs. None: the site decides.

    `folder` is the job's own, and visible on all nodes.
    """
    extra: dict[str, Any] = {name.replace("_", "-").lstrip("-"): value for name, value in (asked.extra or {}).items()}
    if profile.requeues:
        extra["requeue"] = True
    if after:
        extra |= {"dependency": f"afterok:{':'.join(dict.fromkeys(after))}", "kill-on-invalid-dep": "yes"}
    return {
        "partition": asked.partition,
        "account": asked.account,
        "qos": asked.qos,
        "constraint": asked.constraint,
        "time": asked.minutes,
        "nodes": asked.nodes or 1,
        "ntasks_per_node": 1,
        "gpus_per_node": asked.gpus or None,
        "cpus_per_task": asked.cpus,
        "mem": None if asked.memory_gb is None else f"{round(asked.memory_gb * 1024)}M",
        "signal_delay_s": profile.warn_seconds,
        "setup": [*profile.setup, *environment(code), *meeting(asked, folder)],
        "teardown": ending(profile.requeues),
        "srun_args": [
            # The step takes what the job was given; since 22.05 srun does not by itself.
            *([f"--cpus-per-task={asked.cpus}"] if asked.cpus else []),
            # Nodes whose first one is gone have nothing left to do.
            *(["--kill-on-bad-exit=1"] if (asked.nodes or 1) > 1 else []),
        ],
        "additional_parameters": extra,
        "wckey": None,  # submitit's own would be charged where sites use such keys
    }


def environment(code: Path) -> list[str]:
    """Shell lines: Python takes the copy of the code, wherever it is started, and the cores that the job has."""
    return [
        f'export PYTHONPATH={shlex.quote(str(code))}"${{PYTHONPATH:+:$PYTHONPATH}}" PYTHONSAFEPATH=1',
        'export OMP_NUM_THREADS="${OMP_NUM_THREADS:-${SLURM_CPUS_PER_TASK:-1}}"',
        "export OMP_WAIT_POLICY=passive GOMP_SPINCOUNT=0 TOKENIZERS_PARALLELISM=false",
    ]


def meeting(asked: Resources, folder: Path) -> list[str]:
    """Shell lines that tell a training how many ranks it has, and on several nodes where these find each other."""
    lines = [f"export {PER_NODE}={asked.per_node}"] if asked.per_node else []
    if (asked.nodes or 1) > 1:
        place = f'{shlex.quote(str(folder))}/meeting-"$SLURM_JOB_ID-${{SLURM_RESTART_COUNT:-0}}"'
        lines.append(f"export {NODES}={asked.nodes} {MEETING}={place}")
    return lines


def ending(requeues: int) -> list[str]:
    """Shell lines after the stage: a job that was told to stop goes back into the queue, unless it was cancelled."""
    return [
        "code=$?",
        # With several nodes srun gives the highest exit code, not that of the stage.
        f'[[ -n "${{{MEETING}:-}}" && -f "${MEETING}/ended" ]] && code=$(<"${MEETING}/ended")',
        # A task of an array may have the id of the whole array: by that one, all its tasks would be requeued.
        'job="${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID}"; job="${job:-$SLURM_JOB_ID}"',
        f'if [[ " {" ".join(map(str, AGAIN))} " == *" $code "* ]] && (( ${{SLURM_RESTART_COUNT:-0}} < {requeues} )) \\',
        '  && scontrol --oneliner show job "$job" | grep -q "JobState=RUNNING"; then',
        '  echo "lema: stopped early, and put back into the queue" >&2',
        '  scontrol requeue "$job"',
        "fi",
        'exit "$code"',
    ]


def executor(folder: Path, settings: dict[str, Any]) -> SlurmExecutor:
    """submitit's way to sbatch; it is given commands, so that nothing is pickled.

    Raises:
        ConfigError: srun is not here, or this submitit lacks a setting.
    """
    import submitit

    try:
        made = submitit.SlurmExecutor(folder=folder)
    except RuntimeError:
        raise ConfigError(
            "slurm: there is no srun on this machine. Type the command where jobs are submitted, or leave out slurm= "
            "to run it here."
        ) from None
    ask(made, settings)
    return made
