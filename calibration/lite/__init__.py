"""How the adapters that come with the embedded encoder were made."""
