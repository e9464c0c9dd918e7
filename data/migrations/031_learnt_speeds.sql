-- What the queue learnt about the time that jobs take, so that the first estimate after a restart is
-- right. Seconds of an iteration by what they depend on:
CREATE TABLE learnt_speeds (
    model TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    cutouts INTEGER NOT NULL,
    seconds REAL NOT NULL,
    learnt_at BIGINT NOT NULL,
    PRIMARY KEY (model, width, height, cutouts)
);

-- What requests turned out to be, by what they say of it, as JSON.
CREATE TABLE learnt_sizes (
    request TEXT PRIMARY KEY,
    model TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    cutouts INTEGER NOT NULL,
    iterations INTEGER NOT NULL,
    learnt_at BIGINT NOT NULL
);

CREATE INDEX learnt_speeds_by_time ON learnt_speeds (learnt_at);
CREATE INDEX learnt_sizes_by_time ON learnt_sizes (learnt_at);
