"""Samples of recordings, of synthetic speech and of noise.

recordings   a file -> samples, or the reason it cannot be used
opening      a file -> what decodes it, by its content
mp3          MP3 -> its length, and samples of any part
mp3_frames   places of the frames of an MP3 file
chunks       lengths in WAV, W64 and AIFF, beside the bytes that are there
links        streams of a chained Ogg file
flac         length of a FLAC file without one
spliced      stretch of a file, under another head
kinds        files that are no audio, or of a kind that is not read
levels       channels -> one; silence, level and phase of a part
info         header of a recording; `AudioError`
first_rules  recordings as release 0.1.0 read them, with
truncation   files cut off at the end, as it recognised them
frames       seconds -> samples -> feature frames -> output frames
synthetic    a seed -> a corpus of synthetic speech
voice        characters -> sounds
noise        a folder, or a colour -> noise to add to speech
"""

from tune_asr.speech.audio.recordings import read

__all__ = ["read"]
