"""The report: one HTML file that shows a run, and plays what its maps mark, without a network."""
