-- Pictures that their requester, or a role of theirs, wants behind a spoiler: 1, else 0.
ALTER TABLE jobs ADD COLUMN spoiler BIGINT NOT NULL DEFAULT 0;
