"""Figures: the questions that the monitor's users ask, answered from the store."""
