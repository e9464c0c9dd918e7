-- How many pictures a person has in the queue is asked of the rows, because several processes can
-- have some of them; the rows that have not ended are few.
CREATE INDEX jobs_untold_by_person ON jobs (person) WHERE delivered_at IS NULL;
