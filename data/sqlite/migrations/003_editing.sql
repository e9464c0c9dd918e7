-- Editing: a reply names a message, which is to be found among the jobs; and what a modal opened
-- on somebody's picture is about, until it is sent. Addresses are kept for a day.
BEGIN IMMEDIATE;

CREATE INDEX jobs_by_result_message ON jobs (result_message_id);
CREATE INDEX jobs_by_progress_message ON jobs (progress_message_id);

CREATE TABLE edit_addresses (
    id TEXT PRIMARY KEY,
    address TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

PRAGMA user_version = 3;
COMMIT;
