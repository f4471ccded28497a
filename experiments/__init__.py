"""One file per experiment; `python run.py --experiment=NAME` runs it."""
