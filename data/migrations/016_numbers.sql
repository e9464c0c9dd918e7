-- Changes of settings are numbered across all servers, as jobs are (data.dialect.next_number).
CREATE INDEX guild_settings_log_by_number ON guild_settings_log (sequence);
