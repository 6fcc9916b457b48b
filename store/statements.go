package store

import (
	"context"
	"database/sql/driver"
)

// maxStatements bounds the prepared statements of one connection. Statement
// texts are constants of the program, except for optional filters.
const maxStatements = 256

// cachingConnector opens SQLite connections that keep their prepared
// statements. Without it each execution parses its SQL again; pgx does the
// same for PostgreSQL.
type cachingConnector struct{ driver.Connector }

func (c cachingConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &cachingConn{conn.(sqliteConn), map[string]sqliteStmt{}}, nil
}

// sqliteConn and sqliteStmt are what the driver's types implement.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

type sqliteStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// cachingConn relies on [Tx], which has no statement run while rows are
// open: a prepared statement is never used twice at a time.
type cachingConn struct {
	sqliteConn
	statements map[string]sqliteStmt
}

// Unwrap gives the driver's connection to those who need its own methods.
func (c *cachingConn) Unwrap() driver.Conn { return c.sqliteConn }

func (c *cachingConn) statement(ctx context.Context, query string) (sqliteStmt, error) {
	if s, ok := c.statements[query]; ok {
		return s, nil
	}
	if len(c.statements) == maxStatements {
		for text, s := range c.statements { // any one: the hot ones are back after one parse
			s.Close()
			delete(c.statements, text)
			break
		}
	}
	s, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	c.statements[query] = s.(sqliteStmt)
	return s.(sqliteStmt), nil
}

func (c *cachingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s, err := c.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(ctx, args)
}

func (c *cachingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := c.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args)
}

func (c *cachingConn) Close() error {
	for _, s := range c.statements {
		s.Close()
	}
	return c.sqliteConn.Close()
}
