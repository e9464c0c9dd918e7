-- A failure or a cancellation is told like a picture is, also where the process died in between:
-- delivered_at says when, and what has none is still to be told. What ended before this version
-- is taken as told, for nobody wants to hear of it now.
BEGIN IMMEDIATE;

UPDATE jobs SET delivered_at = COALESCE(ended_at, created_at), owner = NULL, lease_until = 0
WHERE state IN ('failed', 'cancelled') AND delivered_at IS NULL;

CREATE INDEX jobs_untold ON jobs (sequence) WHERE delivered_at IS NULL;

PRAGMA user_version = 2;
COMMIT;
