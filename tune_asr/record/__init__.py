"""The results folder: everything that a search leaves behind. Never ray, never torch.

Truth, written as the search goes and enough to resume it:

- `ledger`       trials.jsonl: every event, append-only, fsynced
- `state`        what the ledger says: the trials, their reports, where each one stands
- `checkpoints`  one folder an epoch kept, its manifest written last
- `search_yaml`  search.yaml: what was searched, and with what

Derived, made again at any time:

- `ranking`      which epoch of a trial, and which trial, is best
- `statistics`   how sure a word error rate is, and the difference of two
- `resolution`   how far apart two of them must be to be told apart
- `utterances`   the error counts of each validation utterance
- `leaderboard`  leaderboard.csv
- `snapshots`    summary.json, best.yaml, best.ckpt
- `findings`     what pruning saved, ranges that end at the winner, whether the first beats the second
- `replay`       the search under other ASHA settings;  `what_next`  which of them to search with next
- `rerun`        any trial's configuration, and the command that trains it again
- `terminal_report`  all of it for people, on a terminal

Beneath them: `folder` (paths, checks, the lock) and `atomic` (files that are old or new, never half).
The format is described for users in results/README.md.
"""
