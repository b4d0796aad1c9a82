"""Changes of log-mel features in training.

    perturb.py        speed, loudness and noise of each utterance
    spec_augment.py   masks over mel bins and time

Draws are made on the CPU, where lengths are known without waiting for a GPU. Nothing here reads files or imports a
module of `training/` but encoders and features.
"""
