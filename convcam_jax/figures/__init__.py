"""Figures, those of the paper (2 to 6 and 8 to 13) and others: data in, `matplotlib.figure.Figure` out.

Nothing here reads or writes files, and no state of pyplot is used.
"""
