"""Statements of a learning record store (LRS), pulled over HTTP."""
