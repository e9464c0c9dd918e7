-- Servers that the host does not want the bot to be in. People banned by the host are rows of
-- restrictions, in the made-up server "host". Times and ids are as in 001.
CREATE TABLE denied_servers (
    server_id TEXT PRIMARY KEY,
    created_at BIGINT NOT NULL
);
