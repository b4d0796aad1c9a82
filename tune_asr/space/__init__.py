"""What `search_spaces/*.yaml` may say, checked against the configuration it searches over.

    distributions.py   the values a searched key may take, in Ray Tune's names, and how one is drawn
    sections.py        the schema of the file: search, asha, resources
    searchable.py      which keys may be searched, and whether the configuration takes the values drawn for them
    plan.py            a space and its base configuration, checked together: what each trial will be
    asha.py            what the section `asha` means: who goes on at a rung, in the paper's letters

Nothing here knows Ray: a trial's settings are a pure function of (seed, trial, key).
"""
