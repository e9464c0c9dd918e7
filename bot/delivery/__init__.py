"""From the queue's events to messages in the channel."""
