"""Data of a training as its configuration names them. Imports no torch, so that bad data are reported at once.

sources   survey of the data, references of validation, utterances of the test manifest
beside    files beside the data: initial weights and recorded noise
"""
