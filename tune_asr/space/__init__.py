"""Search spaces (`search_spaces/*.yaml`), checked against the configuration that they vary.

    distributions.py   distributions in Ray Tune's names, and their values
    sections.py        schema of the file: search, asha, resources
    reading.py         searched keys and base of a space file, defaults of earlier releases
    when.py            `when` beside a distribution: conditions on other keys, and the mistakes in them
    conditions.py      which searched keys a trial has
    needs.py           conditions that follow from conditions: chains, circles, clashes
    branches.py        trials under another `model.target` than the base's
    searchable.py      checks of the searched keys
    values.py          checks of the values that may be drawn for them
    plan.py            a space and its base configuration, checked together: the settings of every trial
    horizon.py         the same under another horizon
    priors.py          where good values of a key are expected
    proposals.py       settings of the next trial, at random or by the model
      history.py       trials before it, as points of the model
      coordinates.py   settings as numbers in [0, 1]
      gaussian_process.py, linear_algebra.py
    asha.py            ASHA in waves: which trials pause, continue and stop, in the paper's letters
    stopping.py        ASHA in its stopping variant
    enough.py          rule of `search.stop`
    forecast.py        epochs and time of a search, and the extent for a time;   durations.py  90s, 1h30m
    wants.py           limits and objectives: size and speed beside the error rate

Nothing here imports Ray or record/: random settings are a pure function of (seed, trial, key), proposals of these and
the trials before.
"""
