"""Search on Ray: the only room that may import Ray.

Driver, in a running Ray:

    session.py      one run of a search: Tune's loop, snapshots, each way it can end
    tuner.py        Tune's settings
    executor.py     Tune's Searcher and TrialScheduler, which delegate to the conductor
    gauges.py       the gauges of a running search, for Prometheus
    actors.py       Tune's actor manager, for which running out of memory costs one trial a retry
    silent.py       end of workers that say nothing any more
    timing.py       cost of some settings, in processes of Ray before the first trial
    crowd.py        steps a second of some trainings that share a GPU, likewise
    causes.py       why a trial's process ended, from Tune's error file

Worker, in a process of its own:

    worker.py       one trial: `training.fit` from the newest checkpoint
    share.py        GPUs of a trial, and no others
    epoch_files.py  checkpoint and hypotheses of an epoch

Ray itself:

    cluster.py      a local Ray, or a cluster at an address
    cpus.py         CPUs that a local Ray may use
    token.py        Ray's token, and that of a local Ray
    head.py         head of a cluster: does it require a token
    versions.py     Ray and Python on each node
    job.py          name of a search in Ray, and the environment of its workers
    scratch.py      temporary files of a local Ray, removed with it
    locked.py       loopback, closed folder and no secrets of a local Ray
    fast_start/     faster start of a local Ray; TUNE_ASR_PLAIN_RAY=1 turns it off
    nodes.py        CPUs and GPUs of the nodes; files that each node must see
    watchdogs.py    ends for a search that Ray would keep waiting
    children.py     signals that Ray's processes ignore
    descendants.py  processes started by this one, and their end

Of Ray Tune a search uses four things: processes that train trial after trial, placement of trials on the CPUs and GPUs
of all nodes, the report that a process has died, and Ray's dashboard. The rest is not exact after an interruption, or
costs time (Ray 2.60):

- Schedulers: `Tuner.restore` loses ASHA's rungs, and ASHA never stops a trial without a finite loss. `space.asha`
  decides.
- Searchers: their draws depend on when results arrive. `space.plan` draws by seed and number of a trial alone, and
  `space.proposals` reads the ledger in its order.
- State: snapshots are seconds old, and restoring unpickles them. The ledger is written before anything else happens,
  so Tune's folder is removed at each end of a run.
- Checkpoints: Tune copies each, and resumes from the latest it has registered. It gets pointers to ours.
- Retries: Tune's counts are not in the ledger. The conductor decides from the causes that Tune passes on.
- Loggers and callbacks: they cost a second before the first trial.

Must not import `tune_asr.train`, `report` or `export`. Ray takes a second to load and reads its environment then, so
what runs before `ray.init` imports it inside functions.
"""
