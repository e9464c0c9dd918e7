-- What a person marked to keep is spared when the host's quota for pictures is used up: 1 for
-- kept, else 0. A number, for not every database has truth values.
BEGIN IMMEDIATE;

ALTER TABLE jobs ADD COLUMN kept BIGINT NOT NULL DEFAULT 0;

PRAGMA user_version = 6;
COMMIT;
