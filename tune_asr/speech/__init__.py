"""What was said: recordings, manifests, transcripts and error counts. Never torch.

normalizer   text of any script -> the reference that words are counted on
vocabulary   references -> symbols, and the fewest CTC frames that can spell them
scoring      reference and hypothesis -> integer error counts, WER, CER, the objective
frames       samples -> feature frames -> output frames
truncation   has a file lost its end? Told from its container
audio        files -> samples, and the reason where a file cannot be used
corpus       `Utterance` and `Corpus`: what training reads, wherever the speech came from
manifest     JSONL, CSV and TSV files -> rows, and every bad row
data_report  facts about a corpus -> the report that people read before training
survey       two manifests -> a verified corpus and its report
synthetic    a seed -> a corpus of made-up speech
"""
