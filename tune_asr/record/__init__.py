"""The results folder: everything that a search leaves behind. Never ray, never torch.

Truth, written as the search goes and enough to resume it:

- `ledger`       trials.jsonl: every event, append-only, fsynced
- `events`       what an event must hold
- `state`        what the ledger says: the trials, their reports, where each one stands
- `checkpoints`  one folder an epoch kept, its manifest written last
- `search_yaml`  search.yaml: what was searched, and with what
- `skipped_rows` skipped_rows.jsonl: which rows of the data were dropped

Derived, made again at any time:

- `ranking`      which epoch of a trial, and which trial, is best
- `statistics`   how sure a word error rate is, and the difference of two
- `resolution`   how far apart two of them must be to be told apart
- `utterances`   the error counts of each validation utterance
- `leaderboard`  leaderboard.csv
- `snapshots`    summary.json, best.yaml, best.ckpt
- `findings`     what pruning saved, ranges that end at the winner, whether the first beats the second
- `rungs`, `timeline`, `transcripts`  what each rung was worth, who worked when, what was heard instead of what
- `replay`       the search under other ASHA settings;  `what_next`  which of them to search with next
- `rerun`        any trial's configuration, and the command that trains it again
- `results`      all that a report is made from, read once
- `story`        what a report says, in sentences: one source for
- `terminal_report`  the report on a terminal
- `html`         the report as one HTML file, with figures

At the end of a training that stands alone: `closing`, its table and the file on its utterances.

Beneath them: `folder` (paths, checks, the lock) and `atomic` (files that are old or new, never half).
The format is described for users in results/README.md.
"""
