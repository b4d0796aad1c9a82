"""Name of `export` in release 0.1.0. Model cards of that release tell users to import `tune_asr.bundle.weights`."""
