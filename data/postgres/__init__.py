"""PostgreSQL: for several bots, or machines, that share one store. Needs the package asyncpg."""
