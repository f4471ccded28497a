"""What several transforms are made of: filters of constant Q, bins by octaves, windows around frames."""
