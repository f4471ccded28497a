"""Whether what the maps of one network say holds for another: finished runs beside one another."""
