"""The vault: a person's accounts in one encrypted file, in Aegis' format."""
