"""The house rules: imports point down, and what is light stays light."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import tune_asr

ROOT = Path(__file__).parents[1]
HEAVY = {"torch", "torchaudio", "lightning", "ray", "numpy", "pydantic", "yaml", "rich"}


def test_imports_point_down():
    run = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout


def test_map_names_existing_files():
    """In the package's docstring, and every room."""
    package, text = ROOT / "tune_asr", tune_asr.__doc__
    named = re.findall(r"[\w/]+\.(?:py|yaml|md)\b", text)
    assert [path for path in named if not (package / path).exists() and not (ROOT / path).exists()] == []
    rooms = [f"{path.name}/" for path in package.iterdir() if (path / "__init__.py").exists()]
    files = [path.name for path in package.glob("*.py") if path.name != "__init__.py"]
    assert [name for name in (*rooms, *files) if not re.search(rf"^    {name} ", text, re.MULTILINE)] == []


@pytest.mark.parametrize("door", ["search", "train", "report", "export", "evaluate"])
def test_help_loads_nothing_heavy(door):
    code = (
        f"import sys; from tune_asr.{door} import __main__ as door\n"
        f"try: door.main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted(set(sys.modules)), file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Exit codes" in run.stdout
    assert not HEAVY & set(eval(run.stderr))


@pytest.mark.parametrize("door", ["search", "train"])
def test_mistakes_are_reported_before_torch_loads(door, tmp_path):
    """Neither torch nor Lightning nor Ray is loaded."""
    (tmp_path / "bad.yaml").write_text("optimizer: {lrr: 1}\nparam_spaces: {}\n")
    flag = "--space" if door == "search" else "--config"
    code = (
        f"import sys; from tune_asr.{door} import __main__ as door\n"
        f"code = door.main(['{flag}', 'bad.yaml'])\n"
        "print(code, [m for m in ('torch', 'lightning', 'ray') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert run.stdout.split("\n")[0] == "2 []"
    assert "bad.yaml:1" in run.stderr
