-- Removing all pictures of a member of a server, in the background and through restarts. Times are
-- milliseconds since 1970, UTC, and ids are text, as in 001.
CREATE TABLE purges (
    id TEXT PRIMARY KEY,
    guild_id TEXT NOT NULL,
    person TEXT NOT NULL,
    moderator TEXT,
    reason TEXT,
    -- Pictures that were asked for from then (NULL: from the first one) until then.
    since BIGINT,
    until BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('asked', 'running')),
    removed BIGINT NOT NULL DEFAULT 0,
    -- Of these, a message could not be deleted.
    failed BIGINT NOT NULL DEFAULT 0,
    -- The message with the progress.
    channel_id TEXT,
    message_id TEXT,
    created_at BIGINT NOT NULL
);

CREATE INDEX purges_by_state ON purges (state, created_at);
CREATE INDEX purges_by_guild ON purges (guild_id);
CREATE INDEX purges_by_person ON purges (person);
CREATE INDEX purges_by_moderator ON purges (moderator);
