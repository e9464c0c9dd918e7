-- The direct messages in which a private job is shown, to its requester alone; NULL for other jobs.
ALTER TABLE jobs ADD COLUMN private_channel_id TEXT;
