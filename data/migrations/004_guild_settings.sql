-- What each server has set, who changed it, and how much each person asked for there lately.
--
-- A value is JSON: numbers and texts, and lists for channels, roles and words. A setting without
-- a row has the default of the host or the program.
CREATE TABLE guild_settings (
    guild_id TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (guild_id, name)
);

CREATE TABLE guild_settings_log (
    guild_id TEXT NOT NULL,
    -- Order of the changes in one server; several may fall within a millisecond.
    sequence BIGINT NOT NULL,
    -- NULL once the person who made the change was forgotten.
    person TEXT,
    changed_at BIGINT NOT NULL,
    name TEXT NOT NULL,
    -- JSON; NULL is not set.
    value_before TEXT,
    value_after TEXT,
    PRIMARY KEY (guild_id, sequence)
);

CREATE INDEX guild_settings_log_by_person ON guild_settings_log (person);

-- One row for each accepted job, kept for a day. The table jobs cannot be counted instead: a
-- picture that was deleted was painted all the same.
CREATE TABLE guild_usage (
    guild_id TEXT NOT NULL,
    person TEXT NOT NULL,
    job_id TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    PRIMARY KEY (job_id)
);

CREATE INDEX guild_usage_by_person ON guild_usage (person, guild_id, asked_at);
CREATE INDEX guild_usage_by_time ON guild_usage (asked_at);
