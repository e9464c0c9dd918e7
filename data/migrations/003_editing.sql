-- Editing: indices to find the job of a message that is replied to, and the addresses of other
-- people's pictures while their edit modal is open. Addresses are kept for a day.
CREATE INDEX jobs_by_result_message ON jobs (result_message_id);
CREATE INDEX jobs_by_progress_message ON jobs (progress_message_id);

CREATE TABLE edit_addresses (
    id TEXT PRIMARY KEY,
    address TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
