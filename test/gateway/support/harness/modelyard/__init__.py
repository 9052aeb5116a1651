"""Stands in for the harness: a model server whose model is a JSON file that says how to behave."""
