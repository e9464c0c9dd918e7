-- What is stored about people apart from their pictures: bans and limits in servers, the log of
-- moderators' actions, and preferences.
--
-- Times are milliseconds since 1970, UTC, and ids are text, as in 001.
CREATE TABLE restrictions (
    guild_id TEXT NOT NULL,
    -- The person's id; once the person was forgotten, a keyed hash of it (data.privacy.alias).
    person TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('ban', 'limit')),
    -- Of a limit: pictures in 24 hours, and pictures in the queue or running at a time.
    a_day INTEGER,
    waiting INTEGER,
    -- The moderator; NULL once forgotten.
    moderator TEXT,
    created_at BIGINT NOT NULL,
    -- NULL: until a moderator lifts it.
    expires_at BIGINT,
    PRIMARY KEY (guild_id, person, kind)
);

-- Who did what and when. Names are NULL once these people were forgotten.
CREATE TABLE moderation_log (
    sequence BIGINT PRIMARY KEY,
    guild_id TEXT NOT NULL,
    moderator TEXT,
    act TEXT NOT NULL CHECK (act IN ('stop', 'delete', 'ban', 'unban', 'limit', 'unlimit')),
    person TEXT,
    job_id TEXT,
    a_day INTEGER,
    waiting INTEGER,
    expires_at BIGINT,
    created_at BIGINT NOT NULL
);

CREATE INDEX moderation_log_by_guild ON moderation_log (guild_id, sequence);

-- A person's own defaults; NULL means the default of the server or the host.
CREATE TABLE preferences (
    person TEXT PRIMARY KEY,
    width INTEGER,
    height INTEGER,
    iterations INTEGER,
    model TEXT,
    direct_message INTEGER NOT NULL DEFAULT 0,
    previews INTEGER NOT NULL DEFAULT 1
);

-- A server's newest jobs, for its moderators and for its retention.
CREATE INDEX jobs_by_guild ON jobs (guild_id, sequence);
