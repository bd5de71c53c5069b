package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"modernc.org/sqlite"
)

// keptStatements bounds how many prepared statements a connection keeps. All of ours together, the queue's included, are
// fewer; lists in a condition make some more.
const keptStatements = 256

// openPool opens a pool whose connections keep their statements prepared: understanding the text of one costs more than
// running it. PostgreSQL's driver does so by itself.
func openPool(dsn string) (*sql.DB, error) {
	base, err := sqlite.NewConnector(dsn)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(keeper{base}), nil
}

// keeper makes connections that keep their statements.
type keeper struct{ driver.Connector }

// Connect implements driver.Connector.
func (k keeper) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := k.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	plain, ok := c.(plainConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("a connection of type %T lacks what is needed", c), c.Close())
	}
	return &keptConn{plainConn: plain, idle: make(map[string]plainStmt)}, nil
}

// plainConn is all that the driver's connections can do.
type plainConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// plainStmt is all that the driver's statements can do.
type plainStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// keptConn is a connection that keeps its statements. Like any driver connection it is used by one goroutine at a time.
type keptConn struct {
	plainConn
	idle map[string]plainStmt // by text; one that is running is not here
}

// Unwrap returns the driver's own connection.
func (c *keptConn) Unwrap() driver.Conn { return c.plainConn }

// take returns the statement of a text for the caller alone, until it is given back.
func (c *keptConn) take(ctx context.Context, query string) (plainStmt, error) {
	if s, ok := c.idle[query]; ok {
		delete(c.idle, query)
		return s, nil
	}
	s, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.(plainStmt), nil
}

// giveBack keeps a statement that has ended. A text that runs twice at once has two statements, of which one is kept.
func (c *keptConn) giveBack(query string, s plainStmt) error {
	if _, ok := c.idle[query]; ok {
		return s.Close()
	}
	if len(c.idle) >= keptStatements {
		if err := c.forget(); err != nil {
			return errors.Join(err, s.Close())
		}
	}
	c.idle[query] = s
	return nil
}

// forget closes the statements that are kept.
func (c *keptConn) forget() error {
	var errs []error
	for query, s := range c.idle {
		errs = append(errs, s.Close())
		delete(c.idle, query)
	}
	return errors.Join(errs...)
}

// ExecContext implements driver.ExecerContext.
func (c *keptConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	result, err := s.ExecContext(ctx, args)
	return result, firstOf(err, c.giveBack(query, s))
}

// QueryContext implements driver.QueryerContext.
func (c *keptConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	rows, err := s.QueryContext(ctx, args)
	if err != nil {
		return nil, firstOf(err, c.giveBack(query, s))
	}
	return &keptRows{Rows: rows, end: func() error { return c.giveBack(query, s) }}, nil
}

// Close implements driver.Conn.
func (c *keptConn) Close() error { return errors.Join(c.forget(), c.plainConn.Close()) }

// keptRows gives its statement back at the end.
type keptRows struct {
	driver.Rows
	end func() error
}

// Close implements driver.Rows; database/sql may call it again.
func (r *keptRows) Close() error {
	err := r.Rows.Close()
	if r.end != nil {
		err = firstOf(err, r.end())
		r.end = nil
	}
	return err
}

// firstOf returns the first error as it is: some callers compare it.
func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
