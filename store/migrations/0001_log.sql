-- The office's log. log_head is one row, so that locking it orders the writers
-- of all processes.
CREATE TABLE log_head (
	id   {{int}} PRIMARY KEY CHECK (id = 1),
	size {{int}} NOT NULL CHECK (size >= 0),
	root {{bytes}} NOT NULL,
	edge {{bytes}} NOT NULL, -- hashes of the perfect subtrees, left to right, 32 bytes each
	at   {{int}} NOT NULL    -- µs UTC of the last append
) {{strict}};
INSERT INTO log_head (id, size, root, edge, at)
	SELECT 1, 0, body, body, 0 FROM (SELECT CAST('' AS {{bytes}}) AS body) AS empty;

CREATE TABLE log_entries (
	idx       {{int}} PRIMARY KEY, -- from 0
	leaf_hash {{bytes}} NOT NULL,
	kind      {{text}} NOT NULL,
	issuer    {{text}} NOT NULL,
	subject   {{text}} NOT NULL,
	seq       {{int}} NOT NULL,
	at        {{int}} NOT NULL,
	body      {{bytes}} NOT NULL,
	UNIQUE (issuer, subject, seq)
) {{strict}};

-- Tiles of level 1 and above, a row each time a subtree of 256 tiles or
-- leaves below completes: hash number n of the level. 256 of them are a tile.
CREATE TABLE log_tiles (
	level {{int}} NOT NULL CHECK (level >= 1),
	n     {{int}} NOT NULL,
	hash  {{bytes}} NOT NULL,
	PRIMARY KEY (level, n)
) {{strict}};

CREATE TABLE log_checkpoints (
	size {{int}} PRIMARY KEY,
	root {{bytes}} NOT NULL,
	note {{bytes}} NOT NULL,
	at   {{int}} NOT NULL
) {{strict}};
