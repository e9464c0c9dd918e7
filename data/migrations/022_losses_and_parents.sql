-- For Info and the tree of a picture: some of a job's losses as JSON (engine.events.Losses), and the
-- job from which the requester went on, whose row may be deleted later.
ALTER TABLE jobs ADD COLUMN losses TEXT;
ALTER TABLE jobs ADD COLUMN parent TEXT;

CREATE INDEX jobs_by_parent ON jobs (parent, sequence) WHERE parent IS NOT NULL;
