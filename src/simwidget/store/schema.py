"""Tables of project.db and thumbnails.db; migration i takes a file from ``user_version`` i to i + 1."""

PROJECT_MIGRATIONS = [
    (
        """CREATE TABLE items (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            path TEXT NOT NULL UNIQUE,             -- relative to the source, '/' separated
            size INTEGER NOT NULL,                 -- bytes
            mtime_ns INTEGER NOT NULL,
            present INTEGER NOT NULL DEFAULT 1,    -- 0 when the last scan did not find the file
            width INTEGER, height INTEGER,         -- upright, pixels; NULL until read
            bytes_hash BLOB, pixels_hash BLOB, signature BLOB, mean_color BLOB,
            sharpness REAL,
            error TEXT,                            -- why the file could not be read
            label TEXT,
            split TEXT
        )""",
        """CREATE TABLE tags (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL UNIQUE
        )""",
        """CREATE TABLE item_tags (
            tag_id INTEGER NOT NULL REFERENCES tags(id) ON DELETE CASCADE,
            item_id INTEGER NOT NULL REFERENCES items(id) ON DELETE CASCADE,
            PRIMARY KEY (tag_id, item_id)
        ) WITHOUT ROWID""",
        "CREATE INDEX item_tags_by_item ON item_tags(item_id)",
    ),
    (
        "ALTER TABLE items ADD COLUMN thumbnail_hash BLOB",
        "ALTER TABLE items ADD COLUMN quality BLOB",  # float32 each, as in metrics.quality.PIXEL_METRICS
        # Not in items.error: another embedder may well embed the image.
        """CREATE TABLE embedding_errors (
            embedder TEXT NOT NULL,
            item_id INTEGER NOT NULL REFERENCES items(id) ON DELETE CASCADE,
            bytes_hash BLOB NOT NULL,
            reason TEXT NOT NULL,
            PRIMARY KEY (embedder, item_id)
        ) WITHOUT ROWID""",
        """CREATE TABLE user_metrics (
            name TEXT PRIMARY KEY,
            ids BLOB NOT NULL,                     -- int64, little-endian
            content BLOB NOT NULL,                 -- hashes of the bytes that the numbers belong to, as many
            numbers BLOB NOT NULL                  -- float32, little-endian, as many
        )""",
    ),
    (
        """CREATE TABLE actions (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            time TEXT NOT NULL,                    -- UTC, ISO 8601
            kind TEXT NOT NULL,
            summary TEXT NOT NULL,
            change TEXT NOT NULL,                  -- JSON: what undo and redo need
            undone INTEGER NOT NULL DEFAULT 0
        )""",
        # Labels that a person gave: they win over those of the source, also after another scan.
        """CREATE TABLE relabels (
            item_id INTEGER PRIMARY KEY REFERENCES items(id) ON DELETE CASCADE,
            label TEXT
        )""",
        "ALTER TABLE tags ADD COLUMN color TEXT",  # "#rrggbb"
        """CREATE TABLE saved_filters (
            name TEXT PRIMARY KEY,
            filters TEXT NOT NULL                  -- JSON
        )""",
        # Images that a person found to be different: never keeper and member of one group. a < b.
        "CREATE TABLE distinct_pairs (a INTEGER NOT NULL, b INTEGER NOT NULL, PRIMARY KEY (a, b)) WITHOUT ROWID",
    ),
    # Of a million items all would have to be read, from a disk perhaps, to find the few.
    ("CREATE INDEX unreadable_items ON items(path) WHERE error IS NOT NULL",),
]

THUMBNAIL_MIGRATIONS = [
    (
        "CREATE TABLE thumbnails (item_id INTEGER PRIMARY KEY, jpeg BLOB NOT NULL)",
        # Vectors of a build under way, until they are merged into embeddings/<name>.
        """CREATE TABLE vectors (
            embedder TEXT NOT NULL,
            item_id INTEGER NOT NULL,
            bytes_hash BLOB NOT NULL,
            vector BLOB NOT NULL,
            PRIMARY KEY (embedder, item_id)
        ) WITHOUT ROWID""",
    )
]
