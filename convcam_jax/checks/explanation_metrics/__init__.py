"""The field's metrics of explanations, of ONE recording and its map, and how far planted truth bears them out."""
