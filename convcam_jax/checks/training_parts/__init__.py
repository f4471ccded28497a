"""What each part of a training brings."""
