"""Report on a terminal, whatever the ledger holds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

from tune_asr.errors import StorageError, TuneAsrError, exit_with
from tune_asr.record import new_folder
from tune_asr.record.snapshots import write_snapshots
from tune_asr.report import __main__ as report
from tune_asr.report.narrow_ranges import beyond, narrow_ranges
from tune_asr.report.pruning import pruning
from tune_asr.space.distributions import parse
from tune_asr.wording import short_names

CONFIG = {"trainer": {"max_epochs": 4}}


@pytest.fixture
def searched(search):
    """Four trials: the best of them at the upper end of its range, one pruned, one diverged, one failed."""
    search.start()
    for lr, epochs in ((0.0295, [[5] * 50, [1] * 50, [1, 2] * 25]), (0.001, [[4] * 50])):
        trial = search.trial(**{"optimizer.lr": lr})
        for epoch, errors in enumerate(epochs, start=1):
            search.epoch(trial, errors)
            if epoch == 1:
                verdict = "stop" if len(epochs) == 1 else "continue"
                search.log("decision", trial=trial, rung=0, epoch=1, value=0.5, cutoff=0.5, verdict=verdict)
        search.log("pruned" if len(epochs) == 1 else "finished", trial=trial)
    search.log("diverged", trial=search.trial(**{"optimizer.lr": 0.02}), cause="loss is NaN")
    failing = search.trial(**{"optimizer.lr": 0.003})
    for retry in (1, 2, 3):
        search.log("paused", trial=failing, epoch=0, cause="killed", retry=retry)
    search.log("failed", trial=failing, cause="SIGKILL, three times")
    return search


def reported(search, capsys) -> str:
    assert report.main([str(search.folder.root)]) == 0
    return capsys.readouterr().out


def test_ledger_alone_is_enough(searched, capsys, tmp_path):
    (tmp_path / "copy").mkdir()
    shutil.copy(searched.folder.ledger, tmp_path / "copy")
    assert report.main([str(tmp_path / "copy")]) == 0
    out = capsys.readouterr().out
    assert "4 trials (1 finished, 1 pruned, 1 diverged, 1 failed)" in out
    assert "Best: trial 00000 at epoch 2, WER 10.0 %, CER 5.0 %" in out
    assert "optimizer.lr: 0.0295" in out
    assert "00002 diverged after epoch 0: loss is NaN" in out
    assert "00003 failed after epoch 0, tried again 3 times: SIGKILL, three times" in out
    assert [p.name for p in (tmp_path / "copy").iterdir()] == ["trials.jsonl"], "it wrote"


def test_leaderboard_has_intervals_and_values(searched, capsys):
    lines = reported(searched, capsys).splitlines()
    (header,) = (i for i, line in enumerate(lines) if line.split()[:2] == ["rank", "trial"])
    assert lines[header].split()[-1] == "lr"
    first = lines[header + 1].split()
    assert first[:6] == ["1", "00000", "finished", "3", "10.0", "10.0-10.0"]
    assert first[-1] == "0.0295"
    assert lines[header + 2].split()[:3] == ["2", "00001", "pruned"]


def test_first_beats_second(searched, capsys):
    text = " ".join(reported(searched, capsys).split())
    assert "The first beats the second: its WER is 30.0 to 30.0 points lower" in text
    assert "better in 100 % of replicates" in text


def test_equal_trials_are_not_separated(search, capsys):
    search.start()
    for order in ([0, 3, 1, 2], [1, 2, 0, 3]):
        search.epoch(search.trial(lr=1.0), order)
    assert "cannot be told apart" in reported(search, capsys)


def test_trials_without_a_word_tie(search, capsys):
    search.start()
    for lr in (1.0, 2.0):
        search.epoch(search.trial(lr=lr), [10, 10])
    text = " ".join(reported(search, capsys).split())
    assert "The first and the second tie: they have the same number of errors in each of 2 utterances." in text
    assert "replicates" not in text


def test_savings_count_to_the_horizon(searched, capsys):
    searched.describe()
    text = reported(searched, capsys)
    assert "Pruning stopped 1 of 4 trials: 4 epochs were trained instead of 7 (43 % saved)." in " ".join(text.split())
    assert "epoch 1: 1 of 2 stopped" in text
    assert pruning(searched.state, horizon=4).saved == 3


def test_narrow_range_is_a_warning(searched, capsys):
    assert "Warning" not in reported(searched, capsys)
    searched.describe()
    text = " ".join(reported(searched, capsys).split())
    assert "Warning: optimizer.lr = 0.0295 is at the upper end of its range, loguniform [0.0001, 0.03]." in text


@pytest.mark.parametrize(
    ("distribution", "value", "end"),
    [
        ({"uniform": [0.0, 1.0]}, 0.05, "lower"),
        ({"uniform": [0.0, 1.0]}, 0.06, None),
        ({"uniform": [0.0, 1.0]}, 0.95, "upper"),
        ({"uniform": [-1.0, 1.0]}, 0.0, None),
        ({"loguniform": [1e-4, 1e-2]}, 1.2e-4, "lower"),
        ({"loguniform": [1e-4, 1e-2]}, 1.3e-4, None),
        ({"loguniform": [1e-4, 1e-2]}, 8.1e-3, "upper"),
        ({"loguniform": [1e-4, 1e-2]}, -1, "lower"),
        ({"loguniform": [1e-4, 1e-2]}, "x", None),
        ({"quniform": [0, 100, 10]}, 100, "upper"),
        ({"qloguniform": [1, 1000, 1]}, 30, None),
        ({"randint": [1, 5]}, 4, "upper"),
        ({"randint": [1, 5]}, 2, None),
        ({"lograndint": [1, 1001]}, 1000, "upper"),
        ({"randint": [3, 4]}, 3, None),
        ({"choice": [0.0, 0.1, 0.2]}, 0.2, "upper"),
        ({"choice": [0.0, 0.1, 0.2]}, 0.1, None),
        ({"choice": [256, 128, 64]}, 64, "lower"),
        ({"choice": [1, 3, 2]}, 1, None),
        ({"choice": [1, 2]}, 2, None),
        ({"choice": ["a", "b", "c"]}, "a", None),
        ({"choice": [False, True, None]}, True, None),
        ({"grid_search": [1, 2, 3]}, 1, "lower"),
    ],
)
def test_range_end_is_five_percent(distribution, value, end):
    assert narrow_ranges({"key": parse(distribution)}, {"key": value}) == ({"key": end} if end else {})


def test_next_commands_fit_the_status(searched, capsys):
    write_snapshots(searched.folder, searched.state, status="running", metric="val_wer", config=CONFIG)
    searched.describe()
    root = searched.folder.root
    train, resume = f"python -m tune_asr.train --config {root}/best.yaml", f"python -m tune_asr.search --resume {root}"
    text = reported(searched, capsys)
    assert "lr: interrupted, its process died" in text
    assert train in text, "a command is not wrapped"
    assert resume in text
    with searched.folder.lock():
        text = reported(searched, capsys)
    assert "lr: running" in text
    assert resume not in text
    searched.log("search_ended", status="finished")
    text = reported(searched, capsys)
    assert "lr: finished" in text
    assert train in text
    assert f"{resume}\n" not in text


def test_commands_quote_paths(searched, capsys, tmp_path):
    searched.describe()
    shutil.copytree(searched.folder.root, tmp_path / "my speech")
    assert report.main([str(tmp_path / "my speech")]) == 0
    assert f"--resume '{tmp_path}/my speech'" in capsys.readouterr().out
    with pytest.raises(StorageError, match=r"--resume '.*/my speech'"):
        new_folder.require_new(tmp_path / "my speech")


def test_torn_last_line_is_ignored(searched, capsys):
    with searched.folder.ledger.open("ab") as file:
        file.write(b'{"event": "report", "tri')
    assert "4 trials" in reported(searched, capsys)


def test_cer_ranks_without_words(searched, capsys):
    searched.describe(metric="val_cer")
    text = reported(searched, capsys)
    assert "ranked by CER" in text
    assert "beats" not in text
    header = next(line.split() for line in text.splitlines() if line.startswith("rank"))
    assert header[2:7] == ["status", "epochs", "CER", "%", "loss"]
    assert "Best: trial 00000 at epoch 2, CER 5.0 %" in text


def test_diverged_winner_is_mentioned(search, capsys):
    search.start()
    diverged, steady = search.trial(lr=9.0), search.trial(lr=0.1)
    for errors in ([1], [3]):
        search.epoch(diverged, errors)
    assert "It diverged" not in reported(search, capsys)
    search.log("diverged", trial=diverged, cause="the training loss is nan")
    text = " ".join(reported(search, capsys).split())
    assert "Best: trial 00000 at epoch 1, WER 10.0 %, CER 5.0 % It diverged after epoch 2: train it again" in text
    search.epoch(steady, [2])
    assert "Best: trial 00001 at epoch 1, WER 20.0 %" in reported(search, capsys)


def test_barely_trained_winner_is_a_warning(search, capsys):
    search.describe()
    search.start()
    for errors in ([10, 9], [10, 10]):
        trial = search.trial(**{"optimizer.lr": 0.0295})
        search.epoch(trial, errors)
        search.log("finished", trial=trial)
    text = " ".join(reported(search, capsys).split())
    assert "Warning: The best WER is near 100 %" in text
    assert "end of its range" not in text
    assert "For the next search" not in text
    search.epoch(search.trial(**{"optimizer.lr": 0.0295}), [9, 9])
    text = " ".join(reported(search, capsys).split())
    assert "near 100 %" not in text
    assert "end of its range" in text
    assert "For the next search" in text


def test_search_without_results(search, capsys):
    search.start()
    assert "0 trials" in reported(search, capsys)
    search.trial(lr=1.0)
    text = reported(search, capsys)
    assert "1 trial (1 running)" in text
    assert "No trial has a result yet." in text
    search.log("failed", trial="00000", cause="killed")
    search.log("search_ended", status="finished")
    assert "No trial has a result." in reported(search, capsys)


def test_tables_fit_80_columns(search, capsys):
    search.start()
    for _ in range(23):
        trial = search.trial(**{f"section.number_{i}": i / 7 for i in range(12)})
        search.epoch(trial, [1, 2, 3])
    text = reported(search, capsys)
    tables = text[: text.index("and 3 more in leaderboard.csv")]
    assert max(map(len, tables.splitlines())) <= 80
    assert all(f"number_{i}" in tables for i in range(12))
    assert "..." not in tables
    assert "00019" in tables
    assert "00020" not in tables


def test_hostile_text_is_escaped(search, capsys):
    hostile = "[bold red]x[/bold red]\x1b[2J\nforged line :smile: \u202e \udc80 [link=http://x]y[/link] [/]"
    search.start()
    trial = search.trial(**{"model.[b]name": hostile, "other.name": hostile * 9})
    search.epoch(trial, [1, 2])
    search.log("failed", trial=trial, cause=hostile)
    text = reported(search, capsys)
    assert "[bold red]x[/bold red]\\x1b[2J\\nforged line :smile: \\u202e \\udc80" in " ".join(text.split())
    assert "[b]name" in text
    assert "\x1b" not in text
    assert not any(
        line.startswith("forged") for line in text.splitlines() if not line.startswith("forged line :smile:")
    )


def test_short_names_are_shortest():
    keys = ["optimizer.lr", "model.dropout", "augment.dropout", "seed", "a.b.c", "x.b.c", "b.c"]
    assert short_names(keys) == ["lr", "model.dropout", "augment.dropout", "seed", "a.b.c", "x.b.c", "b.c"]


@pytest.mark.parametrize(
    ("name", "code"), [("missing", 5), ("file.txt", 5), ("empty", 5), ("damaged", 5), ("too many arguments", 2)]
)
def test_other_folders_are_refused(tmp_path, capsys, name, code):
    (tmp_path / "file.txt").write_text("x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "trials.jsonl").write_text('{"event": "\x1b[2J"}\n{"event": "finished"}\n')
    if code == 2:
        with pytest.raises(SystemExit) as left:
            report.main([str(tmp_path), "more", "and more"])
        assert left.value.code == 2
        return
    assert report.main([str(tmp_path / name)]) == code
    captured = capsys.readouterr()
    assert captured.err.startswith(f"error: {tmp_path / name}")
    assert "Traceback" not in captured.err
    assert "\x1b" not in captured.err
    assert captured.out == ""


def run(arguments: list[str], **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, timeout=60, **options
    )


def test_help_loads_nothing_heavy():
    code = "import sys; from tune_asr.report import __main__ as report\n"
    code += "try: report.main(['--help'])\nexcept SystemExit: pass\n"
    heavy = "{'numpy', 'rich', 'yaml', 'torch', 'ray', 'pydantic'}"
    assert run(["-c", code + f"print(sorted({heavy} & set(sys.modules)))"]).stdout.endswith("[]\n")


def test_report_loads_no_torch_or_ray(searched):
    code = f"import sys; from tune_asr.report import __main__ as report; report.main([{str(searched.folder.root)!r}])\n"
    done = run(["-c", code + "print(sorted({'torch', 'ray', 'lightning'} & set(sys.modules)))"])
    assert done.stdout.endswith("[]\n"), done.stderr


def test_ascii_output_gets_escapes(search):
    search.start()
    search.trial(name="größer")
    search.log("failed", trial="00000", cause="日本")
    done = run(["-m", "tune_asr.report", str(search.folder.root)], env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0, done.stderr
    assert "\\u65e5\\u672c" in done.stdout


def test_closed_pipe_is_no_error(searched):
    read, written = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "tune_asr.report", str(searched.folder.root)],
        stdout=written,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(written)
    assert (done.returncode, done.stderr) == (141, b"")


def test_exit_with_returns_codes(capsys):
    class Mine(TuneAsrError):
        exit_code = 5

    def raising(error: BaseException):
        def run() -> int:
            raise error

        return run

    assert exit_with(lambda: 4) == 4
    assert exit_with(raising(Mine("no room"))) == 5
    assert capsys.readouterr().err == "error: no room\n"
    assert exit_with(raising(KeyboardInterrupt())) == 130
    with pytest.raises(ZeroDivisionError):
        exit_with(raising(ZeroDivisionError()))


def test_any_two_trials_compare(searched, capsys):
    root = str(searched.folder.root)
    assert report.main([root, "--compare", "1", "00000"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("00001  WER 40.0 %, 95 %: 40.0-40.0\n00000  WER 10.0 %, 95 %: 10.0-10.0\n00000 beats 00001: ")
    assert "its WER is 30.0 to 30.0 points lower" in out
    refused = {
        ("0", "9"): "--compare is '9', but must be the number of a trial",
        ("2", "0"): "00002, which has no result",
        ("0", "00000"): "00000 twice",
    }
    for trials, message in refused.items():
        assert report.main([root, "--compare", *trials]) == 2
        assert message in capsys.readouterr().err


def test_resolution_is_reported(search, capsys):
    for errors in ([1, 2, 3, 4] * 10, [2, 2, 3, 4] * 10):
        search.epoch(search.trial(lr=1.0), errors)
    text = " ".join(reported(search, capsys).split())
    # 1.96 standard errors of a mean of 40: of errors that spread by 1.118 and 0.829 words of ten; and by 0.433.
    assert "Resolution of 400 words in 40 utterances: near WER 0.25, settings closer than 4.4 points" in text
    assert "cannot be told apart; 1.4 when paired." in text


def test_comparison_by_cer_has_no_winner(searched, capsys):
    searched.describe(metric="val_cer")
    assert report.main([str(searched.folder.root), "--compare", "1", "0"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("00001  CER 20.0 %\n00000  CER 5.0 %\nTrials are ranked by CER, not by WER")
    assert "WER 40" not in out
    assert "beats" not in out


def test_custom_model_is_not_exported(searched, capsys):
    searched.describe()
    searched.log("search_ended", status="finished")
    assert "tune_asr.export" in reported(searched, capsys)
    config = {"trainer": {"max_epochs": 4}, "model": {"target": "mine.Recogniser", "width": 8}}
    searched.describe(config=config, space={"param_space": {"model.width": {"choice": [8, 16]}}})
    assert "tune_asr.export" not in reported(searched, capsys)


def test_header_names_averaged_weights(search, capsys):
    search.describe()
    trial = search.trial(lr=1.0)
    search.epoch(trial, [1], checkpoint=False)
    assert "ema" not in reported(search, capsys)
    assert "tune_asr.export" not in reported(search, capsys), "no checkpoint is kept"
    search.epoch(trial, [1])
    search.append(replace(search.state.reports[-1], epoch=3, weights="ema"))
    text = reported(search, capsys)
    assert "Error rates are those of the averaged weights (ema).\n" in text
    assert f"    python -m tune_asr.export {search.folder.root}\n" in text


@pytest.mark.parametrize(
    ("distribution", "end", "value"),
    [
        ({"uniform": [0.0, 0.4]}, "lower", -0.02),
        ({"loguniform": [1e-4, 1e-2]}, "lower", 5e-5),
        ({"loguniform": [1e-4, 1e-2]}, "upper", 2e-2),
        ({"randint": [2, 9]}, "lower", 1),
        ({"randint": [2, 9]}, "upper", 9),
        ({"choice": [0.0, 0.1, 0.3]}, "lower", -0.1),
        ({"choice": [1e-3, 1e-2, 1e-1]}, "lower", 5e-4),
        ({"choice": [1, 2, 4]}, "lower", 0),
    ],
)
def test_values_beyond_are_near(distribution, end, value):
    assert beyond(parse(distribution), end) == pytest.approx(value)


def test_no_warning_where_nothing_lies_beyond(search, capsys):
    """No dropout is below 0."""
    search.describe(space={"param_space": {"model.dropout": {"uniform": [0.0, 0.3]}}, "asha": {"max_t": 4}})
    search.start()
    search.epoch(search.trial(**{"model.dropout": 0.001}), [1, 1])
    assert report.main([str(search.folder.root)]) == 0
    assert "end of its range" not in capsys.readouterr().out
