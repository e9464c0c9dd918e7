-- A time-lapse is a job like any other: queued, limited, cancelled, and deleted with its picture.
-- The job whose picture it shows; that row may be deleted later.
ALTER TABLE jobs ADD COLUMN time_lapse_of TEXT;

CREATE INDEX jobs_by_time_lapse_of ON jobs (time_lapse_of) WHERE time_lapse_of IS NOT NULL;
