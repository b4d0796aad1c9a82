"""Results folder of a search: truth, and files derived from it.

Truth, enough to resume the search:

- `events`, `search_events`  one class per kind of event, of a trial and of the search
- `event_lines`, `batches`  lines of the ledger as events, one by one or many at once
- `ledger`                  trials.jsonl, append-only and fsynced
- `trial`, `state`          trials and search, rebuilt from the events
- `stages`                  trials by horizon: the search, and longer trainings of its best settings
- `changes`                 search.yaml at the start, and what was changed since
- `checkpoints`             one folder per kept epoch, its manifest written last
- `search_yaml`             search.yaml: space, configuration, versions
- `skipped_rows`            skipped_rows.jsonl: dropped rows of the data
- `test_looks`              test_set.jsonl: evaluations on the test set, no part of the search

Derived, made again at any time:

- `ranking`, `intact`       best epoch and best trial; the same over checkpoints that can be loaded
- `finalists`               best settings with fresh seeds, and the order of all trials
- `resolution`              smallest difference that the validation set can show
- `conclusion`              sentences on why the search stopped, and on its finalists
- `front`                   Pareto front of objectives, and size and speed of the trials
- `utterances`              error counts of each validation utterance
- `leaderboard`, `snapshots`  leaderboard.csv; summary.json, best.yaml, best.ckpt
- `derived`                 those of them that disagree with ledger and checkpoints
- `choice`, `figures`       trial to export or evaluate, its checkpoint and recorded scores
- `rerun`                   configuration and command that train a trial again

`folder` holds the paths, the checks and the lock. A new event gets a class in `events` and a case in `state`; a new
column of the leaderboard gets a cell in `leaderboard`. The format is described for users in results/README.md.
Imports neither ray nor torch.
"""
