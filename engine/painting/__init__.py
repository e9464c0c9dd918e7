"""The method: from a request and models to pictures. No asyncio, no Discord."""
