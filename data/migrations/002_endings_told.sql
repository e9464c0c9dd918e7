-- People are told about failures and cancellations as reliably as about pictures, even if the
-- process dies in between: delivered_at says when, and is NULL until then. Jobs that ended before
-- this version count as told, because nobody wants to hear about them now.
UPDATE jobs SET delivered_at = COALESCE(ended_at, created_at), owner = NULL, lease_until = 0
WHERE state IN ('failed', 'cancelled') AND delivered_at IS NULL;

CREATE INDEX jobs_untold ON jobs (sequence) WHERE delivered_at IS NULL;
