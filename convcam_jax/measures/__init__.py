"""What is measured on maps: metrics, masks and contours, the tables of a run, and statistics of them."""
