"""Report of a search: results, certainty and next steps.

- `__main__`       command line
- `results`        everything a report is made of, read once
- `story`          sentences, the same on a terminal and in HTML
- `terminal`       report and comparison on a terminal
- `leaderboard_table`  leaderboard as tables of a terminal's width
- `html/`          report with figures, in one file
- `findings`       savings of pruning, narrow ranges, first against second
- `axes`           searched keys as axes: names, scales, ticks
- `importance`     importance of keys, with its uncertainty
- `what_matters`   the keys that matter, in sentences
- `resolution`     smallest difference that the validation set can show
- `rungs`          order of the trials at each rung
- `replay`         the search under another ASHA setting
- `what_next`      setting for the next search
- `next_lines`     sentences about controls and replays
- `timeline`       trials by process and time
- `transcripts`    hypotheses beside their references

Nothing here writes to the results folder, or imports torch, Ray or another command.
"""
