-- What each server set, who changed it, and how much each person asked for there of late.
--
-- A value is JSON: numbers and texts, and lists for channels, roles and words. What has no row is
-- as the host or the program has it.
BEGIN IMMEDIATE;

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
    -- NULL once whoever made the change wants to be forgotten.
    person TEXT,
    changed_at BIGINT NOT NULL,
    name TEXT NOT NULL,
    -- JSON; NULL is not set.
    value_before TEXT,
    value_after TEXT,
    PRIMARY KEY (guild_id, sequence)
);

CREATE INDEX guild_settings_log_by_person ON guild_settings_log (person);

-- One row for each job that was taken, for a day. Not counted in jobs: whoever deletes a picture
-- has asked for it all the same.
CREATE TABLE guild_usage (
    guild_id TEXT NOT NULL,
    person TEXT NOT NULL,
    job_id TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    PRIMARY KEY (job_id)
);

CREATE INDEX guild_usage_by_person ON guild_usage (person, guild_id, asked_at);
CREATE INDEX guild_usage_by_time ON guild_usage (asked_at);

PRAGMA user_version = 4;
COMMIT;
