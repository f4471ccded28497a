"""The checks of the maps as stages of a run: they read what is there, ask `convcam_jax.checks`, and write."""
