"""Files or folders that list recordings with their transcripts.

Recordings are not opened here.

rows          a manifest -> rows and problems
formats       JSONL, CSV, TSV -> records
directories   folders of Kaldi, LibriSpeech and Hugging Face -> records
fields        names of the fields in other toolkits
spans         start and end of an utterance in its recording
"""
