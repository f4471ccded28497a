"""Maps of the gradient by the input, along paths, over noise or from references; a file for each method."""
