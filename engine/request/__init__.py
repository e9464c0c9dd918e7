"""What to paint: prompts, numbers, presets. Nothing here imports torch."""
