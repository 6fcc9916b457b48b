package store

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"sync"

	"assay/ledger"
)

// errEarlyTime asks for a repetition with the head locked first.
var errEarlyTime = fmt.Errorf("%w: its time was taken before the log head was locked", ErrRetry)

var (
	_ ledger.Appender = (*Tx)(nil)
	_ ledger.Reader   = (*Log)(nil)
)

// LockHead locks the log's head until the transaction ends and returns it. It
// orders the writers of all processes, so call it first, before [Tx.Now] and
// before reading what the decision rests on. A second call returns the head as
// this transaction left it.
func (tx *Tx) LockHead(ctx context.Context) (ledger.Head, error) {
	if tx.head != nil {
		return *tx.head, tx.ready()
	}
	head, err := tx.readHead(`{{lock}}`)
	if err != nil {
		return ledger.Head{}, err
	}
	// Another process logged between this transaction's time and the lock. Its
	// time would be refused as going back although no clock did.
	if tx.now != 0 && tx.now < head.At && head.At <= tx.db.Clock().UnixMicro() {
		return ledger.Head{}, tx.fail(errEarlyTime)
	}
	tx.head = &head
	return head, nil
}

// Head is the log's head as the transaction sees it, not locked.
func (tx *Tx) Head() (ledger.Head, error) {
	if tx.head != nil {
		return *tx.head, tx.ready()
	}
	return tx.readHead(``)
}

func (tx *Tx) readHead(lock string) (ledger.Head, error) {
	var head ledger.Head
	var root, edge []byte
	err := tx.QueryRow(`SELECT size, root, edge, at FROM log_head WHERE id = 1 `+lock).Scan(&head.Size, &root, &edge, &head.At)
	if err != nil {
		return ledger.Head{}, fmt.Errorf("log head: %w", err)
	}
	if head.Size == 0 {
		return ledger.EmptyHead(), nil
	}
	if len(root) != ledger.HashSize || len(edge)%ledger.HashSize != 0 {
		return ledger.Head{}, tx.fail(fmt.Errorf("%w: root of %d bytes, edge of %d", ledger.ErrHead, len(root), len(edge)))
	}
	head.Root = [ledger.HashSize]byte(root)
	for ; len(edge) > 0; edge = edge[ledger.HashSize:] {
		head.Edge = append(head.Edge, [ledger.HashSize]byte(edge))
	}
	return head, nil
}

// Store keeps what [ledger.Append] made. The head must have been locked in
// this transaction. The same sequence number of a subject twice is [ErrUnique].
func (tx *Tx) Store(ctx context.Context, head ledger.Head, rows []ledger.Row, tiles []ledger.TileRow) error {
	if tx.head == nil || tx.head.Size+int64(len(rows)) != head.Size {
		return tx.fail(errors.New("storing a log head that does not follow the locked one"))
	}
	entries := make([][]any, len(rows))
	for i, r := range rows {
		entries[i] = []any{r.Index, r.LeafHash, r.Kind, r.Issuer, r.Subject, r.Sequence, r.At, r.Body}
	}
	if err := tx.InsertMany("log_entries", []string{"idx", "leaf_hash", "kind", "issuer", "subject", "seq", "at", "body"}, entries); err != nil {
		return err
	}
	hashes := make([][]any, len(tiles))
	for i, t := range tiles {
		hashes[i] = []any{t.Level, t.N, t.Hash}
	}
	if err := tx.InsertMany("log_tiles", []string{"level", "n", "hash"}, hashes); err != nil {
		return err
	}
	edge := make([]byte, 0, len(head.Edge)*ledger.HashSize)
	for _, h := range head.Edge {
		edge = append(edge, h[:]...)
	}
	if _, err := tx.Exec(`UPDATE log_head SET size = $1, root = $2, edge = $3, at = $4 WHERE id = 1`, head.Size, head.Root, edge, head.At); err != nil {
		return err
	}
	tx.head = &head
	return nil
}

// StoreCheckpoint keeps a signed checkpoint of a head that this log had, if
// it is larger than the last one kept, and reports whether it did. Only after
// the commit may anybody see the note.
func (tx *Tx) StoreCheckpoint(head ledger.Head, note []byte) (bool, error) {
	own, err := tx.LockHead(tx.ctx) // of two publishers one goes first
	if err != nil {
		return false, err
	}
	if head.Size > own.Size || head.Size == own.Size && head.Root != own.Root {
		return false, tx.fail(fmt.Errorf("checkpoint of size %d: %w: the log is at %d", head.Size, ledger.ErrHead, own.Size))
	}
	last, err := tx.CheckpointSize()
	if err != nil || head.Size <= last {
		return false, err
	}
	_, err = tx.Exec(`INSERT INTO log_checkpoints (size, root, note, at) VALUES ($1, $2, $3, $4)`, head.Size, head.Root, note, tx.Now())
	return err == nil, err
}

// CheckpointSize is the size of the newest checkpoint kept, 0 before the first.
func (tx *Tx) CheckpointSize() (size int64, err error) {
	err = tx.QueryRow(`SELECT coalesce(max(size), 0) FROM log_checkpoints`).Scan(&size)
	return size, err
}

// Log reads the log of a database.
type Log struct {
	db    *DB
	tiles tileCache
}

// Log is a reader of the database's log, with a cache of its own for full tiles.
func (db *DB) Log() *Log { return &Log{db: db, tiles: newTileCache(maxTiles)} }

// Published returns the newest checkpoint kept, and its size.
func (l *Log) Published(ctx context.Context) (note []byte, size int64, err error) {
	err = l.db.View(ctx, func(tx *Tx) error {
		err := tx.QueryRow(`SELECT size, note FROM log_checkpoints ORDER BY size DESC LIMIT 1`).Scan(&size, &note)
		if errors.Is(err, ErrNoRows) {
			return fmt.Errorf("checkpoint: %w", ledger.ErrNotFound)
		}
		return err
	})
	return note, size, err
}

// Tile returns the bytes of a tile or of an entry bundle, also of one that no
// checkpoint covers yet. They must not be changed.
func (l *Log) Tile(ctx context.Context, t ledger.Tile) ([]byte, error) {
	if data, ok := l.tiles.get(t); ok {
		return data, nil
	}
	var data []byte
	err := l.db.View(ctx, func(tx *Tx) (err error) {
		data, err = tx.tile(t)
		return err
	})
	if err != nil {
		return nil, err
	}
	// Bundles are thirty times as large and read in order, once.
	if t.Width == ledger.TileWidth && t.Level != ledger.Entries {
		l.tiles.put(t, data)
	}
	return data, nil
}

func (tx *Tx) tile(t ledger.Tile) ([]byte, error) {
	const beyond = 1 << 53 // so that n·256 cannot overflow
	if t.N < 0 || t.N > beyond || t.Width < 1 || t.Width > ledger.TileWidth || t.Level < ledger.Entries {
		return nil, fmt.Errorf("%+v: %w", t, ledger.ErrNotFound)
	}
	from := t.N * ledger.TileWidth
	to := from + int64(t.Width)
	var rows *Rows
	var err error
	switch t.Level {
	case ledger.Entries:
		rows, err = tx.Query(`SELECT body FROM log_entries WHERE idx >= $1 AND idx < $2 ORDER BY idx`, from, to)
	case 0:
		rows, err = tx.Query(`SELECT leaf_hash FROM log_entries WHERE idx >= $1 AND idx < $2 ORDER BY idx`, from, to)
	default:
		rows, err = tx.Query(`SELECT hash FROM log_tiles WHERE level = $1 AND n >= $2 AND n < $3 ORDER BY n`, t.Level, from, to)
	}
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []byte
	n := 0
	for ; rows.Next(); n++ {
		var part []byte
		if err := rows.Scan(&part); err != nil {
			return nil, err
		}
		if t.Level != ledger.Entries {
			out = append(out, part...)
		} else if out, err = ledger.AppendBundle(out, part); err != nil {
			return nil, err
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if n != t.Width {
		return nil, fmt.Errorf("%s: %w: %d of its entries are there", t.Path(), ledger.ErrNotFound, n)
	}
	return out, nil
}

// maxTiles bounds the cache of full tiles: 512 of 8 KiB.
const maxTiles = 512

// tileCache keeps the full tiles used last. They never change.
type tileCache struct {
	mu    sync.Mutex
	max   int
	order *list.List // of cached, newest first
	at    map[ledger.Tile]*list.Element
}

type cached struct {
	tile ledger.Tile
	data []byte
}

func newTileCache(max int) tileCache {
	return tileCache{max: max, order: list.New(), at: map[ledger.Tile]*list.Element{}}
}

func (c *tileCache) get(t ledger.Tile) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.at[t]
	if !ok {
		return nil, false
	}
	c.order.MoveToFront(e)
	return e.Value.(cached).data, true
}

func (c *tileCache) put(t ledger.Tile, data []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.at[t]; ok {
		return // another reader was as fast
	}
	c.at[t] = c.order.PushFront(cached{t, data})
	if c.order.Len() > c.max {
		delete(c.at, c.order.Remove(c.order.Back()).(cached).tile)
	}
}
