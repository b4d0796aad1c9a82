"""Check of the data before training: corpus, problems and report.

survey       `Survey`: corpus, problems and report of the data
manifests    manifests -> a survey
inspection   rows of a manifest -> verified recordings and references
recordings   rows -> their recordings, and the parts that are trained on
contents     rows -> a hash of references and recordings, wherever they lie
hold_out     rows -> training and validation, for data without a validation manifest
pieces       a survey -> the same with word pieces as vocabulary
text_remarks tags, a dotless i without a language, signs of word pieces
remarks      allowed, but worth a look: texts in both splits, repeats, unread fields
shared_rows  rows that stand in both splits
report       the survey as text
alike        bad rows of one reason as one sentence
facts        the survey as plain values, for programs
"""
