"""Scripts of `configs/cluster` with the variables of a job, a stand-in for `srun`, and real signals."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.processes import assert_gone, with_variable

SCRIPTS = REPOSITORY / "configs" / "cluster"
PROGRAMS = REPOSITORY / "tests" / "programs"


@pytest.fixture
def submit(workspace):
    """Starts a script as SLURM does; its Ray is stopped at the end."""
    numbers = iter(range(4321, 4400))

    def start(script: str, nodes: int) -> subprocess.Popen:
        job = {
            "SLURM_JOB_ID": str(next(numbers)),
            "SLURM_JOB_NAME": "search",
            "SLURM_NNODES": str(nodes),
            "SLURM_NTASKS": "2",  # of which there is one
            "SLURM_PROCID": "1",
            "SLURM_CPUS_PER_TASK": "1",
            "PATH": os.pathsep.join([str(PROGRAMS), str(Path(sys.executable).parent), os.environ["PATH"]]),
            "SLURM_SUBMIT_DIR": str(workspace.root),
            "HEAD_IP": "127.0.0.1",
        }
        process = subprocess.Popen(
            ["bash", SCRIPTS / script, "space.yaml"],
            cwd=workspace.root,
            env=os.environ | job,
            stdout=(workspace.root / "out").open("w"),  # Ray's processes, which outlive the script, hold it too
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        workspace.processes.append(process)
        return process

    yield start
    for process in workspace.processes:
        try:
            os.killpg(process.pid, signal.SIGTERM)  # SLURM ends what a script leaves
        except ProcessLookupError:
            continue
    assert_gone(lambda: with_variable(f"SLURM_SUBMIT_DIR={workspace.root}"), seconds=60)


def warned(workspace, process, reports, kill) -> str:
    """Send the warning of the batch system after so many reports; return the output."""
    workspace.wait_for(process, lambda: workspace.reports() >= reports)
    kill(process.pid, signal.SIGUSR1)
    process.wait(timeout=120)
    out = (workspace.root / "out").read_text()
    assert process.returncode == 138, out
    assert workspace.ledger()[-1]["status"] == "interrupted"
    return out


def outcome(events):
    return [(e["trial"], e["epoch"], e["val_loss"]) for e in events if e["event"] == "report"]


@pytest.mark.slow
def test_script_for_one_node_resumes(workspace, finished, submit):
    warned(workspace, submit("one-node.sbatch", 1), 3, os.kill)
    process = submit("one-node.sbatch", 1)
    process.wait(timeout=200)
    assert process.returncode == 0, (workspace.root / "out").read_text()
    assert outcome(workspace.ledger()) == outcome(finished.ledger())


@pytest.mark.slow
def test_script_for_several_nodes_resumes(workspace, finished, submit):
    """The signal reaches every process of the job."""
    process = submit("several-nodes.sbatch", 2)
    out = warned(workspace, process, 3, os.killpg)
    assert "joining Ray at 127.0.0.1:24321" in out
    os.killpg(process.pid, signal.SIGTERM)
    process = submit("several-nodes.sbatch", 2)
    process.wait(timeout=300)
    assert process.returncode == 0, (workspace.root / "out").read_text()
    assert outcome(workspace.ledger()) == outcome(finished.ledger())


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.sbatch")), ids=lambda path: path.name)
def test_options_of_scripts_are_at_the_top(script):
    """SLURM reads them up to the first command."""
    lines = script.read_text().splitlines()
    assert lines[0] == "#!/bin/bash"
    assert "--signal=B:USR1@120 --requeue" in lines[2]
    assert all(line.startswith("#SBATCH --") for line in lines[1:3])


def test_failed_srun_ends_the_job(tmp_path):
    """Nobody pays for nodes on which no Ray starts."""
    (tmp_path / "srun").write_text("#!/bin/bash\nexit 1\n")
    (tmp_path / "srun").chmod(0o755)
    job = {"SLURM_JOB_ID": "4400", "SLURM_NNODES": "2", "SLURM_CPUS_PER_TASK": "1", "HEAD_IP": "127.0.0.1"}
    environment = os.environ | job | {"PATH": os.pathsep.join([str(tmp_path), os.environ["PATH"]])}
    command = ["bash", SCRIPTS / "several-nodes.sbatch"]
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert run.returncode == 6
    assert run.stderr == "srun has ended, so there is no Ray at 127.0.0.1:24400\n"


def test_script_outside_of_slurm():
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SLURM")}
    command = ["bash", SCRIPTS / "several-nodes.sbatch"]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    script = SCRIPTS / "several-nodes.sbatch"
    assert (run.returncode, run.stderr) == (2, f"{script} is a job of SLURM: submit it by sbatch {script}\n")
