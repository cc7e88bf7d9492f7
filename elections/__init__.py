"""Elections: what differs from one country's election to another's, read from a folder."""
