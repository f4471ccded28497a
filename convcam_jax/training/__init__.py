"""Training: one step of one member, all members of a round at once over the devices, and what is saved of them."""
