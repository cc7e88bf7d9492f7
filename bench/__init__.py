"""Measurements that prove what the figures promise; nothing here runs on election day."""
