"""What was said: recordings, manifests, transcripts and error counts. Never torch.

normalizer        text of any script -> the reference that words are counted on
vocabulary        references -> symbols, and the fewest CTC frames that can spell them
pieces            references -> word pieces, learned by sentencepiece, in place of characters
scoring           reference and hypothesis -> integer counts of errors, WER, CER, the objective
alignment         reference and hypothesis -> which words and characters are wrong (`alignment_text`: as text)
frames            seconds -> samples -> feature frames -> output frames
corpus            `Utterance` and `Corpus`: what training reads, wherever the speech comes from

survey            a corpus, its report, and everything that is wrong with it
  manifest_survey   manifests -> a survey
  manifest          a file or a directory -> rows (`manifest_formats`: JSONL, CSV, TSV; `directories`: Kaldi,
                    LibriSpeech; `fields`: what others call what we call text; `spans`: from where to where)
  inspection        rows -> verified recordings and references
  hold_out          rows -> training and validation, for people without a split
  audio             a recording -> samples, or the reason why not (`files`, `truncation`)
  remarks           what is allowed but worth a look
  overlaps          which utterances share speech
  data_report       all of it as text
  progress          how far a long look has come

synthetic         a seed -> a corpus of made-up speech (`voice`: how it sounds)
noise             a folder, or a colour -> noise to lay under speech in training

locks             a file that one process holds (`files`: what can be read, and what is on the disk)
"""
