"""The paper's figures 2 to 6 and 8 to 13 and the learning curves: data in, `matplotlib.figure.Figure` out.

Nothing here reads or writes files, and no state of pyplot is used.
"""
