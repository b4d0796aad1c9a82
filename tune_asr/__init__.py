"""Hyperparameter search for CTC speech recognisers."""
