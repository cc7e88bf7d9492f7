"""Plays an election day into the outside world: observers' database and the commission's pages."""
