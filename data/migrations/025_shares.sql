-- The person's share of the queue for a job, in percent of the usual one; 0 is a relaxed job, which
-- waits while others wait (engine.jobs.job).
ALTER TABLE jobs ADD COLUMN share BIGINT NOT NULL DEFAULT 100;
-- Whether a person's jobs are relaxed.
ALTER TABLE preferences ADD COLUMN relax BIGINT NOT NULL DEFAULT 0;
