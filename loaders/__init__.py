"""Loaders: poll the sources on a schedule, and append what changed to the store."""

VERSION = "0.1.0"
