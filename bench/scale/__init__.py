"""What many workers carry: a simulation of the queue, formulas for it, and the next limits."""
