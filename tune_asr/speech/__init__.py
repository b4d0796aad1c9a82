"""Recordings, manifests and transcripts. Never imports torch.

manifest/   a file or a folder -> rows
survey/     rows -> a corpus, the problems in it, and the data report
text/       transcripts -> references -> symbols
audio/      files -> samples; synthetic speech and noise
corpus      `Utterance` and `Corpus`, whatever the source of the speech
samples     an utterance -> its samples, of the length that was surveyed
vocabulary  documented path of `text.vocabulary`, for custom data
progress    progress of a long loop on stderr
"""
