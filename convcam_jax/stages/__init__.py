"""The steps of a run, in order: prepare, train, explain, analyse, present, control, seeds.

A step reads and writes files, and leaves the computing to the pure functions of the other modules.
"""
