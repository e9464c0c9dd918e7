-- Concepts that a server does not want and that were found in pictures (bot.guild.concepts); its
-- moderators see them in /mod log. Times are milliseconds since 1970, UTC, and ids are text, as in
-- 001.
CREATE TABLE picture_checks (
    sequence BIGINT PRIMARY KEY,
    guild_id TEXT NOT NULL,
    job_id TEXT NOT NULL,
    -- The person who asked for the picture; NULL once forgotten.
    person TEXT,
    concept TEXT NOT NULL,
    -- 0 to 1 (engine.painting.concepts); NULL if the picture could not be scored.
    score REAL,
    action TEXT NOT NULL CHECK (action IN ('warn', 'spoiler', 'withhold')),
    created_at BIGINT NOT NULL,
    UNIQUE (job_id, concept)
);

CREATE INDEX picture_checks_by_guild ON picture_checks (guild_id, sequence);
