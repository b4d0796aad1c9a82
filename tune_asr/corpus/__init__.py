"""Configuration -> data of a training.

Imports no torch, so that a command can report bad data before it loads anything heavy.

sources   survey of the data, references of validation, utterances of the test manifest
listings  manifests of `data.train`, `data.val` and `data.test`
beside    files beside the data: initial weights and recorded noise
outside   data of a submitted Ray job
"""
