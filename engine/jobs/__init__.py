"""The asyncio queue: order, waiting times, cancelling, and the workers that paint."""
