"""What has nothing to do with speech: errors, files, processes, messages, the set-up of JAX.

Nothing here but `jax_setup` imports JAX, so that worker processes start quickly.
"""
