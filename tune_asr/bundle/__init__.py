"""Name of `export` in release 0.1.0.

Model cards of that release give `tune_asr.bundle.weights.load`, so that name has to remain.
"""
