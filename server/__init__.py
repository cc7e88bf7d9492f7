"""What stands between the network and the pages: the typeface, and the page that starts a visitor's browser."""
