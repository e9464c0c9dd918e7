-- Styles: words that people and servers add to prompts by a name, which is in lower case.
CREATE TABLE styles (
    person TEXT NOT NULL,
    name TEXT NOT NULL,
    words TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (person, name)
);

CREATE TABLE server_styles (
    guild_id TEXT NOT NULL,
    name TEXT NOT NULL,
    words TEXT NOT NULL,
    -- The moderator who shared it; NULL once forgotten.
    moderator TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (guild_id, name)
);

CREATE INDEX server_styles_by_moderator ON server_styles (moderator);

-- The name of the style that is added to all of a person's prompts, their own or a server's.
CREATE TABLE used_styles (
    person TEXT PRIMARY KEY,
    name TEXT NOT NULL
);
