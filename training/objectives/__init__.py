"""What a net learns from: one objective, and the source of samples that fits it, for each way of training."""
