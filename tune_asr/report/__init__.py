"""Report of a search: results, certainty and next steps.

- `__main__`       command line
- `results`        everything a report is made of, read once
- `story`          sentences, the same on a terminal and in HTML
- `terminal`       report and comparison on a terminal
- `leaderboard_table`  leaderboard as tables of a terminal's width
- `html/`          report with figures, in one file
- `narrow_ranges`  searched ranges that end at the winner
- `two_trials`     one trial against another
- `base`           winner against the base configuration
- `families`       trials by the value of a key that branches, side by side
- `seeds`          mean and spread over the seeds of one setting
- `longer`         settings trained again with a longer horizon
- `next_commands`  commands for the next steps
- `pruning`        trials stopped and waiting, epochs saved, rungs that judged too early
- `decisions`      decisions of waves, judged again
- `equal_epochs`   first trials at each rung
- `rungs`          order of the trials at each rung
- `replay`, `advice`, `advice_lines`   mode `stop`: controls, the search under other settings of `asha`, advice
- `axes`           searched keys as axes: names, scales, ticks
- `importance`     importance of keys, with its uncertainty
- `what_matters`   the keys that matter, in sentences
- `two_searches`   two searches on one ruler
- `text_table`     tables in lines of text
- `trade_offs`     limits, and the Pareto front of objectives
- `test_set`       evaluations on the search's own test set
- `machines`       trials of each machine of a cluster
- `timeline`       trials by process and time
- `transcripts`    hypotheses beside their references

Nothing here writes to the results folder, or imports torch, Ray or another command.
"""
