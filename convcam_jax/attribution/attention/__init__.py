"""Methods for networks of attention: by how tokens attend to each other."""
