package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"assay/node"
	"assay/office"
)

const serveUsage = `usage: assay serve DIR [flags]

Runs the office in DIR until it is told to stop (SIGINT, SIGTERM). What a crash
left unfinished is finished before the first request is answered.

  --listen HOST:PORT   default 127.0.0.1:8080; port 0 picks a free one
  --database URL       postgres://… where the office is in PostgreSQL
                       (or ASSAY_DATABASE); default: DIR/office.db
  --passphrase-file F  for DIR/keys.age, - is the standard input; default: asks
  --tls-cert FILE      certificate chain, PEM, and
  --tls-key FILE       its key: speaks HTTPS by itself, HTTP/2 too
  --log-json           logs JSON lines, not text
  --verbose            logs more
` + moduleUsage + `
The address and the fingerprint go to the standard output, the log to the
standard error.

exit: 0 stopped when told to, 1 could not start or go on, 2 usage
`

// runServe is the verb "serve".
func runServe(ctx context.Context, args []string, std stdio) int {
	v := newLocalVerb(std, "serve", serveUsage)
	listen := v.String("listen", "127.0.0.1:8080", "")
	database := v.String("database", os.Getenv("ASSAY_DATABASE"), "")
	file := v.String("passphrase-file", "", "")
	cert := v.String("tls-cert", "", "")
	key := v.String("tls-key", "", "")
	logJSON := v.Bool("log-json", false, "")
	verbose := v.Bool("verbose", false, "")
	var ring keyring
	ring.module.flags(v)
	rest, code, ok := v.parse(args, 1, 1)
	if !ok {
		return code
	}
	c := node.Config{Listen: *listen, Log: newLogger(std, *logJSON, *verbose)}
	var err error
	if c.TLS, err = serverTLS(*cert, *key); err != nil {
		return v.misuse("%v", err)
	}
	if err := ring.module.check(); err != nil {
		return v.misuse("%v", err)
	}
	where := rest[0]
	if *database != "" {
		where = *database
	}
	if c.Database, err = databaseURL(where); err != nil {
		return v.fail(err)
	}
	ring.dir, ring.log = rest[0], c.Log
	if ring.needsFile() {
		if _, err := os.Stat(ring.path(keysFile)); err != nil {
			return v.fail(fmt.Errorf("the office's keys: %w; without them nobody can go on with its log", err))
		}
		if ring.phrase, err = v.passphrase(ctx, *file, false); err != nil {
			return v.fail(err)
		}
	}
	if c.Ring, err = ring.current(); err != nil {
		return v.fail(err)
	}
	c.Rings, c.OnKeys = ring.others, ring.took
	n, err := node.Start(ctx, c)
	if err != nil {
		if errors.Is(err, office.ErrNotFounded) {
			err = fmt.Errorf("%w: assay init", err)
		}
		return v.fail(err)
	}
	id := n.Office.ID()
	fmt.Fprintf(std.out, "%s (%s) answers at %s\nfingerprint %s\n", id.Name.In("en"), id.Office, n.URL, n.Office.Fingerprint())
	c.Log.Info("serving", "office", id.Office, "url", n.URL, "origin", id.Origin, "ring", id.Ring)
	var failed error
	select {
	case <-ctx.Done():
		c.Log.Info("stopping")
	case failed = <-n.Failed():
	}
	if err := errors.Join(failed, n.Close()); err != nil {
		return v.fail(err)
	}
	return exitOK
}

func newLogger(std stdio, asJSON, verbose bool) *slog.Logger {
	opt := &slog.HandlerOptions{}
	if verbose {
		opt.Level = slog.LevelDebug
	}
	if asJSON {
		return slog.New(slog.NewJSONHandler(std.err, opt))
	}
	return slog.New(slog.NewTextHandler(std.err, opt))
}

// serverTLS is nil where neither file is named.
func serverTLS(cert, key string) (*tls.Config, error) {
	if cert == "" && key == "" {
		return nil, nil
	}
	if cert == "" || key == "" {
		return nil, errors.New("--tls-cert and --tls-key belong together")
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}, nil
}
