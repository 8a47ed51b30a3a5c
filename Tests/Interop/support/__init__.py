"""Shared parts of the interop tests."""
