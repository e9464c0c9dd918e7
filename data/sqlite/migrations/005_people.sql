-- What concerns people beside their pictures: whom a server's moderators ban or limit, what the
-- moderators did, and what each person prefers.
--
-- Times are milliseconds since 1970, UTC, and ids texts, as in 001.
BEGIN IMMEDIATE;

CREATE TABLE restrictions (
    guild_id TEXT NOT NULL,
    -- The person's id; of somebody who asked to be forgotten, a keyed hash of it (data.alias).
    person TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('ban', 'limit')),
    -- Of a limit: how many pictures in 24 hours, and how many that wait or are painted at a time.
    a_day INTEGER,
    waiting INTEGER,
    -- Who did it; NULL once they asked to be forgotten.
    moderator TEXT,
    created_at BIGINT NOT NULL,
    -- NULL: until somebody lifts it.
    expires_at BIGINT,
    PRIMARY KEY (guild_id, person, kind)
);

-- Who did what, and when. Names are NULL once whoever has them asked to be forgotten.
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

-- One's own defaults; NULL means: as the server or the host has it.
CREATE TABLE preferences (
    person TEXT PRIMARY KEY,
    width INTEGER,
    height INTEGER,
    iterations INTEGER,
    model TEXT,
    direct_message INTEGER NOT NULL DEFAULT 0,
    previews INTEGER NOT NULL DEFAULT 1
);

-- A server's newest jobs, for its moderators and for its own retention.
CREATE INDEX jobs_by_guild ON jobs (guild_id, sequence);

PRAGMA user_version = 5;
COMMIT;
