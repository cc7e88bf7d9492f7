"""Loaders: poll the sources on a schedule, and append what changed to the store."""
