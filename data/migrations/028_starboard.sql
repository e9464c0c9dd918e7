-- How often pictures in servers were starred, for the starboard and /gallery, and which of them were
-- reported and are in neither. The message in the starboard is about its job like its other messages.
-- Times are milliseconds since 1970, UTC, and ids are text, as in 001.
CREATE TABLE stars (
    -- Of a grid's stars, its first job; all of them, if it is hidden.
    job_id TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    guild_id TEXT NOT NULL,
    stars BIGINT NOT NULL DEFAULT 0,
    -- 1 once it is in the starboard, also while it is being posted.
    posted BIGINT NOT NULL DEFAULT 0,
    -- 1 if it was reported, until a moderator shows it again.
    hidden BIGINT NOT NULL DEFAULT 0
);

CREATE INDEX stars_by_guild ON stars (guild_id, stars);

-- What /gallery pages through: without those whose files are gone, of which there can be many.
CREATE INDEX jobs_in_gallery ON jobs (channel_id, sequence)
WHERE state = 'delivered' AND picture IS NOT NULL AND removed_at IS NULL
    AND private_channel_id IS NULL AND time_lapse_of IS NULL;

ALTER TABLE job_messages RENAME TO old_job_messages;

CREATE TABLE job_messages (
    channel_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    -- NULL in direct messages.
    guild_id TEXT,
    kind TEXT NOT NULL CHECK (kind IN ('progress', 'result', 'starboard')),
    PRIMARY KEY (channel_id, message_id, job_id)
);

INSERT INTO job_messages (channel_id, message_id, job_id, guild_id, kind)
SELECT channel_id, message_id, job_id, guild_id, kind FROM old_job_messages;

DROP TABLE old_job_messages;

CREATE INDEX job_messages_by_job ON job_messages (job_id);
CREATE INDEX job_messages_by_message ON job_messages (message_id);
