-- Pictures that their requester, or a role of theirs, wants behind a spoiler: 1, else 0.
BEGIN IMMEDIATE;

ALTER TABLE jobs ADD COLUMN spoiler BIGINT NOT NULL DEFAULT 0;

PRAGMA user_version = 14;
COMMIT;
