"""What `configs/*.yaml` may say: typed, strict, every mistake told at once.

    scalars.py              one plain scalar -> its value, `1e-3` a number and `no` a text
    strict_yaml.py          a file -> plain values, and the line each of them stands on
    overrides.py            `--set KEY=VALUE` and a space's `over:`, one mechanism; values laid over each other
    schema.py               what sections are made of: closed mappings of typed keys
    sections.py             the schema: every key, its type, its default, what it means; those with a target are in
                            data_sections.py and model_sections.py
    mel_bins.py             how many mel filters a sample rate has room for
    lightning_arguments.py  which keys `trainer` and `precision` may hold: the arguments of Lightning's `Trainer`
    load.py                 values -> a checked `Config`, pydantic's errors in our words

Nothing here imports torch, Lightning or Ray: a mistake is told before any of them is loaded.
"""
