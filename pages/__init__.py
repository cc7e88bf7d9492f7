"""Pages: what is on the screen."""
