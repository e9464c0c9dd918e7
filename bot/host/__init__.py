"""What a host runs and looks at: settings, checks, metrics, backups, upkeep."""
