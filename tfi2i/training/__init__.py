"""What every paper's training shares: the verb `turn`, optimisers and schedules, checkpoints, records, the gallery."""
