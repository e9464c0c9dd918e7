"""What training has in common: stages, schedules, precision, averages, several processes."""
