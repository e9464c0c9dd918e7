-- Pictures that a person marked to keep are not deleted when the host's quota for pictures is used
-- up: 1 for kept, else 0. A number, because not every database has booleans.
BEGIN IMMEDIATE;

ALTER TABLE jobs ADD COLUMN kept BIGINT NOT NULL DEFAULT 0;

PRAGMA user_version = 6;
COMMIT;
