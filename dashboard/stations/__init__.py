"""All stations whose records are in one database."""
