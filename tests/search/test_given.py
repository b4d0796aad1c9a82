"""Keys that `--set` may change on a resume."""

from pathlib import Path

from tune_asr.search.given import free_keys

README = Path(__file__).parents[2] / "results" / "README.md"


def test_readme_names_free_keys():
    [row] = [line for line in README.read_text(encoding="utf-8").splitlines() if line.startswith("| `--set KEY=VALUE`")]
    assert [key for key in free_keys() if f"`{key}`" not in row] == []
