"""Search for hyperparameters: the command, its driver, and trials.

    __main__       flags of `python -m tune_asr.search`
    driver         one search, from its files to its exit code
    search         value with folder, plan, metric and fingerprints
    data           survey, fingerprints and files of the data
    description    content of search.yaml, and its changes
    conductor      messages of workers to events and back: every change goes through the ledger first
    extent         number of trials and horizon, and their changes on a resume
    resuming       plan of a resumed search, and what its flags ask for
    given          keys that `--set` may change on a resume
    accepting      changes of search.yaml, data and versions, refused until they are accepted
    finished       resume of a complete search: its derived files
    dry_run        dry run of a new search;   dry_resume  dry run of a resume
    longer         best settings, trained again with a longer horizon
    turns          which trial a free slot takes
    verdicts       rule of ASHA, in waves or stopping, fed by the events of the search
    ending         when enough is enough, and the finalists
    staged         a rule for each horizon
    proposing      settings of the next trial
    limits         limits on size and speed, judged at the first epoch
    sizes          sizes of models, known before a search begins
    warm_start     scores of an earlier search
    torn_ends      events that a crash took from the end of a ledger
    keeping        checkpoints and utterances that a running search keeps
    failures       consequence of a failure: retry, failed trial, or end of the search
    deaths         the same for an ended process: is its trial to blame, or the cluster
    silence        workers that say nothing any more
    assignment     work of a trial for a worker, and the event of its start
    messages       messages between driver and worker;   surroundings  what a worker takes on from the driver
    progress       one line per event; `live_table` shows a table on a terminal
    outlook        estimated time to the end, for progress
    interrupts     Ctrl-C, SIGTERM, SIGHUP and SIGUSR1
    farewell       last lines of a search
    budget         time left of a time budget, and the trials for it;   closing  turns under one
    predicted_scores  final scores of open trials, by which a closing search chooses
    foresight      costs of settings, and the extent for a time budget;   timed  start of a run with one
    dry_forecast   `--dry-run --time`
    placing        slots on the nodes of a Ray;   packed  trials on a GPU, measured
    cards/         GPUs: what they are, what fits on them, and the lines about them
    ray/           the only room that imports Ray

Ray Tune runs trials in reused processes. Its own state is removed at the end of every run: a search resumes from
ledger and checkpoints alone. Nothing outside `ray/` may import Ray.
"""
