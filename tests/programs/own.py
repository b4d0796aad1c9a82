"""Custom recogniser whose width can be searched."""

from tune_asr.config.sections import Config
from tune_asr.training.module import SimpleCTCModule


class Recogniser(SimpleCTCModule):
    def __init__(self, vocab, scheduler, blank_id, dim):
        base = Config().model_dump()
        model = {**base["model"], "dim": dim, "num_layers": 2}
        sections = {"model": model, "optimizer": base["optimizer"], "augment": base["augment"]}
        super().__init__(vocab, scheduler, blank_id, **sections, num_mel_bins=40)
