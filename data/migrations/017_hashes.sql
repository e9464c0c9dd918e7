-- The SHA-256 of a job's picture or time-lapse, compared when it is read; NULL for older ones.
ALTER TABLE jobs ADD COLUMN result_sha256 TEXT;
