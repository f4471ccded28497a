"""The paper itself: its printed numbers, tables, claims and protocols, and our results beside them."""
