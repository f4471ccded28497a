"""What a finished run's models say of new recordings, and the one file that such a run can be packed into."""
