"""Fast start of a local Ray, under one switch.

Everything here is borrowed from Ray's insides.

    switch.py         reads TUNE_ASR_PLAIN_RAY; runs the parts below, or none of them
    environment.py    variables of a local Ray: preload in its first workers, and keep those workers
    preload.py        imports of a worker, made before its first trial
    prestarted.py     lets Tune's actors take these workers
    late_services.py  dashboard and monitors, started after the workers

`TUNE_ASR_PLAIN_RAY=1` turns all of it off. A search then starts seconds later and is otherwise the same. Whatever a
release of Ray no longer has is left out, so only speed depends on it. Must not import `tune_asr.search`.
"""
