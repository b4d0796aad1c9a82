"""What was said: recordings, manifests, transcripts and error counts. Never torch.

normalizer        text of any script -> the reference that words are counted on
vocabulary        references -> symbols, and the fewest CTC frames that can spell them
scoring           reference and hypothesis -> integer counts of errors, WER, CER, the objective
frames            seconds -> samples -> feature frames -> output frames
corpus            `Utterance` and `Corpus`: what training reads, wherever the speech comes from

survey            two manifests -> a corpus, its report, and everything that is wrong with it
  manifest          a file -> rows (`manifest_formats`: JSONL, CSV, TSV)
  inspection        rows -> verified recordings and references
  audio             a recording -> samples, or the reason why not (`files`, `truncation`)
  remarks           what is allowed but worth a look
  data_report       all of it as text

synthetic         a seed -> a corpus of made-up speech (`voice`: how it sounds)
noise             a folder, or a colour -> noise to lay under speech in training
"""
