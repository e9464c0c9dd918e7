-- Every query that somebody waits for uses an index, however many jobs there are; and words of
-- prompts, so that moderators find a job by them. Times are milliseconds since 1970, UTC, and ids
-- are text, as in 001.
CREATE INDEX jobs_by_person_and_guild ON jobs (person, guild_id, sequence);
CREATE INDEX jobs_by_person_and_start ON jobs (person, started_at);
CREATE INDEX jobs_by_channel ON jobs (channel_id, sequence);
CREATE INDEX jobs_by_time ON jobs (created_at);
CREATE INDEX jobs_with_picture ON jobs (sequence) WHERE picture IS NOT NULL AND kept = 0;

CREATE INDEX moderation_log_by_moderator ON moderation_log (moderator);
CREATE INDEX moderation_log_by_person ON moderation_log (person);
CREATE INDEX moderation_log_by_time ON moderation_log (created_at);
CREATE INDEX picture_checks_by_person ON picture_checks (person);
CREATE INDEX picture_checks_by_time ON picture_checks (created_at);
CREATE INDEX restrictions_by_person ON restrictions (person);
CREATE INDEX restrictions_by_moderator ON restrictions (moderator);
CREATE INDEX restrictions_by_end ON restrictions (expires_at);
CREATE INDEX guild_usage_by_guild ON guild_usage (guild_id);
CREATE INDEX edit_addresses_by_time ON edit_addresses (created_at);

-- The words of a job's prompt (data.jobs.words); only of jobs in servers.
CREATE TABLE job_words (
    guild_id TEXT NOT NULL,
    word TEXT NOT NULL,
    -- The job's.
    sequence BIGINT NOT NULL,
    PRIMARY KEY (guild_id, word, sequence)
) WITHOUT ROWID;

-- The words of older jobs are added in the background, from this sequence down.
INSERT INTO meta (key, value) SELECT 'words to add', CAST(MAX(sequence) AS TEXT) FROM jobs
WHERE sequence IS NOT NULL HAVING MAX(sequence) IS NOT NULL;

-- Which process runs a bot, so that a second one with the same token ends.
CREATE TABLE running_bots (
    application_id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    lease_until BIGINT NOT NULL
);
