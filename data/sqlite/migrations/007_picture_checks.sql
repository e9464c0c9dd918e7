-- What was found in finished pictures of what a server does not want (bot.concepts), for its
-- moderators; see /mod log. Times are milliseconds since 1970, UTC, and ids texts, as in 001.
BEGIN IMMEDIATE;

CREATE TABLE picture_checks (
    sequence BIGINT PRIMARY KEY,
    guild_id TEXT NOT NULL,
    job_id TEXT NOT NULL,
    -- Who asked for the picture; NULL once they asked to be forgotten.
    person TEXT,
    concept TEXT NOT NULL,
    -- 0 to 1 (engine.concepts); NULL where the picture could not be scored.
    score REAL,
    action TEXT NOT NULL CHECK (action IN ('warn', 'spoiler', 'withhold')),
    created_at BIGINT NOT NULL,
    UNIQUE (job_id, concept)
);

CREATE INDEX picture_checks_by_guild ON picture_checks (guild_id, sequence);

PRAGMA user_version = 7;
COMMIT;
