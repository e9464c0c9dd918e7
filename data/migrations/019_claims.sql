-- What one process at a time does, such as deleting old pictures, and for how long it is surely its.
CREATE TABLE claims (
    name TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    lease_until BIGINT NOT NULL
);
