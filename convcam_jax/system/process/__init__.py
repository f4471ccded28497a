"""The process itself: its memory, its end, its lock, its surroundings, and the processes that it starts."""
