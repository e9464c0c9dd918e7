-- Where each message about a job is: also in direct messages, if the job's channel refused it. And
-- which pictures were removed by deleting their message. Ids are text, as in 001.
CREATE TABLE job_messages (
    channel_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    -- NULL in direct messages.
    guild_id TEXT,
    kind TEXT NOT NULL CHECK (kind IN ('progress', 'result')),
    PRIMARY KEY (channel_id, message_id)
);

CREATE INDEX job_messages_by_job ON job_messages (job_id);
CREATE INDEX job_messages_by_message ON job_messages (message_id);

-- Of older results in direct messages only the ids are known; they count as in the job's channel.
INSERT INTO job_messages (channel_id, message_id, job_id, guild_id, kind)
SELECT channel_id, progress_message_id, id, guild_id, 'progress' FROM jobs
WHERE progress_message_id IS NOT NULL ON CONFLICT DO NOTHING;
INSERT INTO job_messages (channel_id, message_id, job_id, guild_id, kind)
SELECT channel_id, result_message_id, id, guild_id, 'result' FROM jobs
WHERE result_message_id IS NOT NULL ON CONFLICT DO NOTHING;

DROP INDEX jobs_by_result_message;
DROP INDEX jobs_by_progress_message;

-- When its result was deleted in Discord; NULL if it was not.
ALTER TABLE jobs ADD COLUMN removed_at BIGINT;
