"""The operator's page: reads the record, never the line's sockets or its models."""
