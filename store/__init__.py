"""The monitor's own store: what was learnt and when, appended by load."""
