"""Schema of `configs/*.yaml`, typed and strict.

    scalars.py              a plain scalar as a value: `1e-3` is a number, `no` is text
    strict_yaml.py          a file as plain values, with the line of each
    overrides.py            `--set KEY=VALUE`, a space's `over:` and a trial's settings, laid over a file
    base_files.py           a file and those that it rests on by `base`, merged
    schema.py               closed mappings of typed keys, of which sections are made
    sections.py             the whole configuration; its sections stand there and in data_sections.py,
                            speech_sections.py, model_sections.py and training_sections.py
    key_facts.py            properties that a key declares on its field: searchable, path, fixed on resume, ...
    keys.py                 the keys there are, and the facts of each
    key_paths.py            paths in the value of a key
    language.py             language tags (BCP 47)
    mel_bins.py             largest number of mel filters at a sample rate
    lightning_arguments.py  arguments of Lightning's `Trainer` that `trainer` and `precision` take
    releases.py             what configurations of earlier releases lack
    load.py                 values as a checked `Config`; pydantic's errors in our words
    places.py               places of mistakes that are found after loading

Nothing here imports torch, Lightning or Ray: mistakes are reported before any of them is loaded.
"""
