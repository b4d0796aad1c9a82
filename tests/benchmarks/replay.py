"""How good searches are, on recorded learning curves: the engine beside Optuna and Ray.

    python -m tests.benchmarks replay                                    # the table in tests/assets
    python -m tests.benchmarks replay --table FILE --trials 32 --repeats 100 auto funnel

Each search is repeated with the rows of the table in other orders, the same for each rule, in simulated time with some
slots. A random draw is the next row; the model and the peers choose among all rows that are not tried yet. Columns, as
means with half the width of their 95 % bootstrap intervals:

    share    epochs spent, of those of as many whole trainings
    kept     searches whose pick is within .01 of the best of their own trials
    lost     error rate of the pick, less that of the best of these
    found    searches whose pick is within .01 of the best of the table
    regret   error rate of the pick, less that of the best of the table
    fulls    epochs spent, in whole trainings

The last table has the regret after equal epochs, in fulls, at the largest number of trials.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.benchmarks import rules
from tests.benchmarks.peers import OptunaPeer, RayPeer, on_table
from tests.benchmarks.quality import HEADINGS, Quality, Rule, outcomes, regret_after
from tests.benchmarks.table import Row
from tests.simulation.curves import PROMPTS, Table
from tests.simulation.draws import draws
from tests.simulation.simulated import Outcome

RULES: Mapping[str, Rule] = {
    "contract": rules.CONTRACT,
    "contract-score": rules.CONTRACT_SCORE,
    "funnel": rules.FUNNEL,
    "auto": rules.AUTO,
    "auto-stop": rules.AUTO_STOP,
    "optuna": lambda draw: OptunaPeer(on_table(draw)),
    "optuna-score": lambda draw: OptunaPeer(on_table(draw, "score")),
    "ray": lambda draw: RayPeer(on_table(draw)),
    "ray-score": lambda draw: RayPeer(on_table(draw, "score"), {"grace_period": draw.grace, "reduction_factor": 2}),
}
"""Rules by name.

contract is release 0.1.0: random draws, stopping ASHA on the objective. contract-score ranks by the engine's score.
funnel: random draws, ASHA in waves. auto: the defaults. auto-stop: proposals with release 0.1.0's ASHA. optuna: TPE and
the Hyperband pruner on WER. ray: ASHA and the Optuna search on WER. The last two again with the engine's score.
"""

EQUAL = (3, 5, 8, 12, 16)
"""Whole trainings after which rules are compared."""
MODEL_FREE, MODEL = "funnel", "auto"
Found = Mapping[tuple[str, int], Sequence[Outcome]]
"""Outcomes by rule and number of trials."""


def main(argv: Sequence[str]) -> int:
    """Replay each rule, and print a line for each number of trials."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks replay", description=main.__doc__)
    parser.add_argument("rules", nargs="*", choices=[*RULES, []], metavar="RULE", help=f"{', '.join(RULES)}")
    parser.add_argument("--table", type=Path, default=PROMPTS, metavar="FILE", help="recorded table")
    parser.add_argument("--trials", type=int, nargs="+", default=[16, 24, 32, 48], metavar="N")
    parser.add_argument("--repeats", type=int, default=60, metavar="R", help="default: 60")
    parser.add_argument("--slots", type=int, default=2, metavar="W", help="default: 2")
    parser.add_argument("--grace", type=int, default=3, metavar="G", help="first epoch that judges (default: 3)")
    arguments = parser.parse_args(argv)

    table = Table.read(arguments.table)
    print(f"{table.name}: {len(table)} trials of {table.horizon} epochs, {arguments.repeats} repeats")
    names, found = arguments.rules or list(RULES), dict[tuple[str, int], list[Outcome]]()
    for trials in (number for number in arguments.trials if number <= len(table)):
        print(f"\n{f'N {trials}':<14}{HEADINGS}")
        for name in names:
            repeats = draws(table, trials, arguments.repeats, arguments.slots, arguments.grace)
            found[name, trials] = outcomes(RULES[name], repeats)
            print(f"{name:<14}{Quality.of(found[name, trials], arguments.slots)}", flush=True)
    _print_equal_epochs(names, found)
    rows = goals(found)
    print("\n" + "\n".join(map(str, rows)))
    return int(any(row.misses for row in rows))


def _print_equal_epochs(names: Sequence[str], found: Found) -> None:
    """Print the regret of each rule after equal epochs, at the largest number of trials."""
    trials = max(number for _, number in found)
    print(f"\n{f'N {trials}, fulls':<14}" + "".join(f"{fulls:>12}" for fulls in EQUAL))
    for name in names:
        print(f"{name:<14}" + "".join(f"{regret_after(found[name, trials], fulls)!s:>12}" for fulls in EQUAL))


def goals(found: Found) -> list[Row]:
    """Return what the engine promises, as far as it was replayed."""
    rows = []
    for trials in sorted({number for name, number in found if name == MODEL_FREE}):
        quality = Quality.of(found[MODEL_FREE, trials])
        at_most, at_least = (0.29, 0.95) if trials >= 48 else (None, None)
        rows += [
            Row(claim=f"{MODEL_FREE}, N {trials}: share of epochs", value=quality.share.mean, unit="", at_most=at_most),
            Row(claim=f"{MODEL_FREE}, N {trials}: best kept", value=quality.kept.high, unit="", at_least=at_least),
        ]
    for trials in sorted({number for name, number in found if name == MODEL}):
        quality = Quality.of(found[MODEL, trials])
        if others := found.get((MODEL_FREE, trials)):
            claim = f"{MODEL}, N {trials}: regret, of {MODEL_FREE}'s"
            rows.append(Row(claim=claim, value=_ratio(quality, Quality.of(others)), unit="", at_most=0.7))
    return [*rows, *_as_good_as_contract(found)]


def _as_good_as_contract(found: Found) -> Iterator[Row]:
    """Yield the epochs of the shortest search with the model that ends as well as contract's largest."""
    trials = sorted(number for name, number in found if name == MODEL)
    if trials and (most := max((number for name, number in found if name == "contract"), default=0)):
        theirs = Quality.of(found["contract", most])
        ours = (Quality.of(found[MODEL, number]) for number in trials)
        needed = next((each.fulls.mean for each in ours if each.regret.mean <= theirs.regret.mean), math.inf)
        claim = f"{MODEL}: epochs to the regret of contract, N {most}"
        yield Row(claim=claim, value=needed / theirs.fulls.mean, unit="", at_most=0.5)


def _ratio(ours: Quality, theirs: Quality) -> float:
    return ours.regret.mean / theirs.regret.mean if theirs.regret.mean else float(ours.regret.mean > 0)
