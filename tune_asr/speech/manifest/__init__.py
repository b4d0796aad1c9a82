"""Files or folders that list recordings with their transcripts.

Recordings are not opened here.

listing       one manifest or several, with unique ids
rows          a manifest -> rows and problems
formats       a file -> records, by its ending
lines         a file, packed or not -> lines
tables        CSV, TSV, LJSpeech -> records
quoting       quotation marks of a table
documents     JSON object of utterances by their ids -> records
lhotse        cuts, or recordings and supervisions -> records
directories   folders of Kaldi, LibriSpeech and Hugging Face -> records
kaldi         Kaldi's folder -> records
values        values and mistakes of JSON in words
fields        names of the fields in other toolkits
spans         start, end and channel of an utterance in its recording
missing       the file nearest to a recording that is not there
"""
