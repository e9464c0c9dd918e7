-- Which process is connected to which of Discord's shards. Of a process that ends in good order the
-- owner is '' until its lease has passed. home is 1 if the shard is one of its owner's own, 0 if it
-- was taken over; wanted_by is the process whose own it is, once that is back.
CREATE TABLE shards (
    application_id TEXT NOT NULL,
    shard BIGINT NOT NULL,
    shards BIGINT NOT NULL,
    owner TEXT NOT NULL,
    lease_until BIGINT NOT NULL,
    home BIGINT NOT NULL,
    wanted_by TEXT,
    PRIMARY KEY (application_id, shard)
);
