"""SQLite as the database: opening and migrating it, backups, and recovering from damage."""
