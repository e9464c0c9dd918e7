-- The direct messages in which a private job is shown, to its requester alone; NULL for other jobs.
BEGIN IMMEDIATE;

ALTER TABLE jobs ADD COLUMN private_channel_id TEXT;

PRAGMA user_version = 15;
COMMIT;
