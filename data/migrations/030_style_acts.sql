-- Moderators share styles with their server, change and remove them; SQLite changes a CHECK only
-- with a new table.
ALTER TABLE moderation_log RENAME TO old_moderation_log;

CREATE TABLE moderation_log (
    sequence BIGINT PRIMARY KEY,
    guild_id TEXT NOT NULL,
    moderator TEXT,
    act TEXT NOT NULL CHECK (act IN ('stop', 'finish', 'change', 'delete', 'ban', 'unban', 'limit',
        'unlimit', 'purge', 'report', 'style', 'restyle', 'unstyle')),
    person TEXT,
    job_id TEXT,
    a_day INTEGER,
    waiting INTEGER,
    expires_at BIGINT,
    -- Of a purge: how many pictures.
    pictures INTEGER,
    -- As the moderator typed it; of a style, its name and words.
    reason TEXT,
    created_at BIGINT NOT NULL
);

INSERT INTO moderation_log (sequence, guild_id, moderator, act, person, job_id, a_day, waiting,
    expires_at, pictures, reason, created_at)
SELECT sequence, guild_id, moderator, act, person, job_id, a_day, waiting, expires_at, pictures,
    reason, created_at
FROM old_moderation_log;

DROP TABLE old_moderation_log;

CREATE INDEX moderation_log_by_guild ON moderation_log (guild_id, sequence);
CREATE INDEX moderation_log_by_moderator ON moderation_log (moderator);
CREATE INDEX moderation_log_by_person ON moderation_log (person);
CREATE INDEX moderation_log_by_time ON moderation_log (created_at);
