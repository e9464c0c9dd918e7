"""What was asked for: prompts, numbers, presets. Nothing here imports torch."""
