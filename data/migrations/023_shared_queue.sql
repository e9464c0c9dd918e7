-- What several processes of one bot need to paint from one queue.
--
-- work is the estimated time of painting in ms; painted_in is the data folder in which the job was
-- painted last, whose saved state is the newest (data.jobs.states).
ALTER TABLE jobs ADD COLUMN work BIGINT;
ALTER TABLE jobs ADD COLUMN painted_in TEXT;

-- How many ms of work each person was served (engine.jobs.shared); of the person '' it is the turn
-- that was served last.
CREATE TABLE turns (
    application_id TEXT NOT NULL,
    person TEXT NOT NULL,
    work BIGINT NOT NULL,
    PRIMARY KEY (application_id, person)
);

CREATE INDEX turns_by_person ON turns (person);

-- The running processes: how many devices each has, how many jobs it paints at once, and what else
-- it tells about itself, as JSON.
CREATE TABLE processes (
    owner TEXT PRIMARY KEY,
    application_id TEXT NOT NULL,
    lease_until BIGINT NOT NULL,
    devices BIGINT NOT NULL,
    slots BIGINT NOT NULL,
    status TEXT NOT NULL
);

CREATE INDEX processes_by_application ON processes (application_id, lease_until);
