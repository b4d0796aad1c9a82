"""Errors of a recogniser: counts, rates, intervals. Imports `wording` alone.

counts           reference and hypothesis -> integer counts of errors, WER, CER
metric           references -> `val_wer` or `val_cer`
scores           scores of one epoch, their order, and the ranks made of them
transcript       reference and hypothesis of one utterance
alignment        reference and hypothesis -> edits, the frequent ones first
alignment_text   alignments as text for people
comparison       errors of two recognisers -> a sentence on the better one
intervals        errors of each utterance -> confidence intervals
ruler            size of validation -> finest difference that it can show
spread           standard errors, and the difference of two means over seeds
"""
