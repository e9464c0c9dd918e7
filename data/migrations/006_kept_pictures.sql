-- Pictures that a person marked to keep are not deleted when the host's quota for pictures is used
-- up: 1 for kept, else 0. A number, because not every database has booleans.
ALTER TABLE jobs ADD COLUMN kept BIGINT NOT NULL DEFAULT 0;
