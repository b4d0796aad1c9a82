"""Command `python -m tune_asr.search`: a search space -> results/NAME.

    python -m tune_asr.search --space search_spaces/lr.yaml
    python -m tune_asr.search --space search_spaces/lr.yaml --time-budget 1h    # as many trials as fit
    python -m tune_asr.search --space search_spaces/lr.yaml --address auto      # on a Ray cluster
    python -m tune_asr.search --resume results/lr
    python -m tune_asr.search --resume results/lr --num-samples 32              # more trials
    python -m tune_asr.search --resume results/lr --max-epochs 81               # the best settings, trained longer

Each trial trains a CTC recogniser; ASHA prunes trials on their validation scores. Every event is on the disk before
anything else happens, so a killed search resumes without loss.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tune_asr.errors import ConfigError, StorageError, end_at_once_on_signals, exit_with
from tune_asr.search.interrupts import EARLY, for_the_main_thread
from tune_asr.wording import JOINERS, printable

if TYPE_CHECKING:
    from tune_asr.space.plan import Plan


_LONGEST_NAME = 255
_WITH_RESUME = ("resume", "address", "num_samples", "max_epochs", "time_budget", "set", "accept", "dry_run")


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the flags and search; return the exit code."""
    began = time.monotonic()
    arguments = _parser().parse_args(argv)
    # A search that is resumed has trained, and may even be finished.
    end_at_once_on_signals("interrupted" if arguments.dry_run or arguments.resume else EARLY)
    return exit_with(lambda: _run(arguments, began))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tune_asr.search",
        description="Search the hyperparameters of a CTC speech recogniser.",
        epilog="Exit codes: 0 done, 2 space or configuration wrong, 3 data wrong, 4 a trial failed for good, "
        "5 results folder unusable, 6 Ray unreachable or lost, or a GPU lost or filled by other programs, 130 Ctrl-C, "
        "138 SIGUSR1, 143 SIGTERM.",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--space", type=Path, metavar="FILE", help="search space (YAML)")
    what.add_argument("--resume", type=Path, metavar="DIR", help="results folder of a search to resume")
    parser.add_argument("--config", type=Path, metavar="FILE", help="base configuration, in place of the space's")
    parser.add_argument("--name", metavar="NAME", help="folder under --results (default: the space file's stem)")
    parser.add_argument("--results", type=Path, metavar="DIR", help="folder of results folders (default: results)")
    parser.add_argument(
        "--num-samples",
        metavar="N",
        help="number of settings to draw (search.num_samples); those that a resumed search has drawn are among them",
    )
    parser.add_argument(
        "--max-epochs",
        metavar="E",
        help="horizon (trainer.max_epochs and asha.max_t); with --resume: trains the three best settings "
        "and the base again with it",
    )
    parser.add_argument(
        "--time-budget",
        metavar="T",
        help="time for the whole search, such as 90s, 10m, 1h30m or 2d (search.time_budget); it decides the number of "
        "trials; with --resume: additional time",
    )
    parser.add_argument("--max-concurrent", metavar="N", help="trials at once (search.max_concurrent)")
    parser.add_argument("--seed", metavar="S", help="seed of the settings (search.seed)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a key; repeatable")
    parser.add_argument(
        "--accept",
        action="append",
        default=[],
        metavar="KEY",
        help="with --resume: accept the change of KEY in search.yaml, of the data or of a version; repeatable",
    )
    parser.add_argument("--address", metavar="ADDR", help="running Ray, HOST:PORT or auto (default: a local one)")
    parser.add_argument(
        "--time", action="store_true", help="with --dry-run: also time some steps, and forecast time, memory and disk"
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="start nothing: check space, configuration and data, print the first trials and what differences the "
        "validation data can show; with --resume: print what the resume would do",
    )
    return parser


def _run(arguments: argparse.Namespace, began: float) -> int:
    if arguments.address is not None:
        from tune_asr.search.ray.head import require_address

        require_address(arguments.address)
    if arguments.resume:
        return _resume(arguments, began)
    if arguments.accept:
        raise ConfigError("--accept can only be given with --resume", "Leave --accept out.")
    if arguments.time and not arguments.dry_run:
        raise ConfigError("--time is given without --dry-run", "Add --dry-run: a search times itself.")
    plan = _plan(arguments)
    name = arguments.space.stem if arguments.name is None else arguments.name
    _check_name(name)
    root = (arguments.results or Path("results")) / name
    if arguments.dry_run:
        from tune_asr.search.dry_run import print_dry_run

        print_dry_run(plan, root, shows_devices=not arguments.time and arguments.address is None)
        if arguments.time:
            from tune_asr.search.budget import Command
            from tune_asr.search.dry_forecast import print_forecast

            print_forecast(plan, arguments.address, Command(began, fixes_horizon=_fixes_horizon(arguments)))
        return 0
    from tune_asr.search.budget import Command

    with for_the_main_thread():
        from tune_asr.search.driver import start

    return start(plan, root, arguments.address, Command(began, fixes_horizon=_fixes_horizon(arguments)))


def _check_name(name: str) -> None:
    """Refuse all but plain names, in any script."""
    is_plain = name.strip(f"{JOINERS} ") != "" and printable(name) == name and Path(name).name == name
    if not is_plain or name.startswith("."):
        what = f"--name is {name!r}, but must be a plain folder name"
        raise ConfigError(what, "Use --results for the folder above it.")
    if (size := len(os.fsencode(name))) > _LONGEST_NAME:
        what = f"--name is {name[:20]!r}..., with {size} bytes, but a folder's name has {_LONGEST_NAME} bytes at most"
        raise ConfigError(what, "Choose a shorter --name.")


def _fixes_horizon(arguments: argparse.Namespace) -> bool:
    keys = ("trainer.max_epochs=", "asha.max_t=")
    return arguments.max_epochs is not None or any(text.startswith(keys) for text in arguments.set)


def _resume(arguments: argparse.Namespace, began: float) -> int:
    default = _parser().get_default
    given = [name for name, value in vars(arguments).items() if value != default(name)]
    others = [name.replace("_", "-") for name in given if name not in _WITH_RESUME]
    if others:
        what = f"--{others[0]} cannot be given with --resume: the folder's own search.yaml decides"
        raise ConfigError(what, f"Leave --{others[0]} out, or start a new search.")
    from tune_asr.config.overrides import parse_assignments
    from tune_asr.search.budget import Command
    from tune_asr.search.resuming import ResumeFlags
    from tune_asr.storage.errors import for_resume

    with for_the_main_thread():
        from tune_asr.search.driver import resume
    try:
        flags = ResumeFlags(
            num_samples=arguments.num_samples,
            max_epochs=arguments.max_epochs,
            given=parse_assignments(arguments.set),
            accept=arguments.accept,
        )
        budget = _budget(arguments.time_budget)
        if arguments.dry_run:
            from tune_asr.search.dry_resume import dry_run

            for line in dry_run(arguments.resume, flags, budget):
                print(line)
            return 0
        return resume(arguments.resume, arguments.address, flags, Command(began, budget))
    except StorageError as error:
        raise for_resume(error) from error


def _budget(text: str | None) -> float | None:
    from tune_asr.config.scalars import shown
    from tune_asr.space.durations import seconds_of

    try:
        return None if text is None else seconds_of(text)
    except ValueError as error:
        raise ConfigError(f"--time-budget is {shown(text)}, but {error}") from error


def _plan(arguments: argparse.Namespace) -> Plan:
    """Load the space, with each flag as an override."""
    from tune_asr.config.overrides import Override, parse_assignments
    from tune_asr.config.strict_yaml import parse_value
    from tune_asr.space.plan import load_plan

    keys = {
        "num_samples": ("search.num_samples",),
        "max_epochs": ("trainer.max_epochs", "asha.max_t"),
        "max_concurrent": ("search.max_concurrent",),
        "seed": ("search.seed",),
    }
    overrides = parse_assignments(arguments.set)
    for flag, names in keys.items():
        if (text := getattr(arguments, flag)) is not None:
            place = f"--{flag.replace('_', '-')} {text}"
            overrides += [Override(key, parse_value(text, place), place, Path.cwd()) for key in names]
    if (text := arguments.time_budget) is not None:
        overrides.append(Override("search.time_budget", text, f"--time-budget {text}", Path.cwd()))
    return load_plan(arguments.space, arguments.config, overrides)


if __name__ == "__main__":
    sys.exit(main())
