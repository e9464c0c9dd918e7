-- Pictures that a person marked as favourites, their own or others' that they can see. Times are
-- milliseconds since 1970, UTC, and ids are text, as in 001.
CREATE TABLE favourites (
    person TEXT NOT NULL,
    job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (person, job_id)
);

CREATE INDEX favourites_by_job ON favourites (job_id);
