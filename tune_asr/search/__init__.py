"""The search on Ray Tune: the only room that knows Ray.

    driver.py      one search, from its files to its exit code: data, folder, lock, Ray
    description.py what a search says of itself in search.yaml
    session.py     what lives while Ray runs it: Tune's loop, snapshots, how it all ends
    conductor.py   what happens next: every change goes through the ledger first. Never imports ray
    failures.py    what a failure says: try again, the trial has failed, or the search ends. Never imports ray
    executor.py    conductor and Ray Tune introduced to each other: a Searcher, a TrialScheduler
    trainable.py   the worker's side: one trial, resumed from its newest sound checkpoint
    messages.py    what driver and worker tell each other
    cluster.py     Ray started here, or joined at an address;   ray_token.py  what protects it
    late_services.py  the dashboard and what else of a local Ray can start behind the workers
    preload.py     what a worker of a local Ray imports before its first trial
    nodes.py       how many trials fit at once; what every node must see
    interrupts.py  Ctrl-C, SIGTERM, SIGHUP
    descendants.py the processes that this one has started, and how none of them stays
    watchdogs.py   what ends a search that Ray would keep waiting
    progress.py    a line an event, with the best so far and the time left
    live.py        the same as a table, on a terminal

Ray Tune runs trials in reused processes and nothing else: its own state is thrown away at the end of every run, and a
search resumes from ledger and checkpoints alone.
"""
