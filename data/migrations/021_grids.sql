-- The pictures of one request that asks for several are jobs of one grid, which has the id of its
-- first job. They share their messages, so a message can be about several jobs.
ALTER TABLE jobs ADD COLUMN grid TEXT;

CREATE INDEX jobs_by_grid ON jobs (grid, sequence) WHERE grid IS NOT NULL;

ALTER TABLE job_messages RENAME TO old_job_messages;

CREATE TABLE job_messages (
    channel_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    -- NULL in direct messages.
    guild_id TEXT,
    kind TEXT NOT NULL CHECK (kind IN ('progress', 'result')),
    PRIMARY KEY (channel_id, message_id, job_id)
);

INSERT INTO job_messages (channel_id, message_id, job_id, guild_id, kind)
SELECT channel_id, message_id, job_id, guild_id, kind FROM old_job_messages;

DROP TABLE old_job_messages;

CREATE INDEX job_messages_by_job ON job_messages (job_id);
CREATE INDEX job_messages_by_message ON job_messages (message_id);
