-- The queue and the history: who asked for what, where, and the outcome.
--
-- Times are milliseconds since 1970, UTC. Discord ids are text because some databases have no
-- unsigned 64-bit numbers, and the state is text because enumerated types are not portable.
CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    -- Order of arrival; two rows can be created within a millisecond.
    sequence BIGINT NOT NULL UNIQUE,
    person TEXT NOT NULL,
    guild_id TEXT,
    channel_id TEXT NOT NULL,
    locale TEXT NOT NULL,
    -- The whole request as JSON; prompt and seed again, for searches.
    request TEXT NOT NULL,
    prompt TEXT NOT NULL,
    seed BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (
        state IN ('queued', 'running', 'rendered', 'delivered', 'failed', 'cancelled')),
    -- What was asked of a running job.
    wish TEXT CHECK (wish IN ('stop', 'cancel')),
    -- The process that owns the job, and when its lease expires.
    owner TEXT,
    lease_until BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    ended_at BIGINT,
    delivered_at BIGINT,
    progress_message_id TEXT,
    result_message_id TEXT,
    -- Seconds, iterations, size and notices, as JSON.
    result TEXT,
    error TEXT,
    -- The picture's file name in the pictures folder.
    picture TEXT
);

CREATE INDEX jobs_by_state ON jobs (state, sequence);
CREATE INDEX jobs_by_person ON jobs (person, sequence);

-- The attached pictures that a job needs; the bytes are in files named by their SHA-256.
CREATE TABLE attachments (
    job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (job_id, sha256)
);

CREATE INDEX attachments_by_sha256 ON attachments (sha256);

CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
