"""What a host needs: settings, the doctor, logs, metrics, backups and upkeep."""
