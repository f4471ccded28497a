"""How long this project and what a user might take instead need for the same work on the same inputs.

Every program runs in a process of its own: the thread pools of TensorFlow, PyTorch and XLA, each as large as the
machine, disturb one another within one process. The processes take turns and wait in between, so that what the machine
does besides falls on all alike.
"""
