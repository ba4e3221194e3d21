// Package pgserver runs a throw-away PostgreSQL for tests, from the binaries of
// this machine. internal/testrun gives one to the whole run; a test that breaks
// its server on purpose starts one of its own.
package pgserver

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// Server is a throw-away PostgreSQL: on a free port of the loopback address,
// with a password, in a directory that goes with it.
type Server struct {
	URL string // of the database postgres, with the password

	bin   string
	dir   string
	port  int
	who   *syscall.Credential // nil for the present user
	more  []string            // settings
	cmd   *exec.Cmd
	ended <-chan struct{} // closed when the process is gone
}

// Start starts a server, installing PostgreSQL where that is possible; it says
// so to out. PostgreSQL refuses to run as root, so there it runs as an
// unprivileged user. Settings such as "synchronous_commit=on" take the place of
// those that make it fast and forgetful.
func Start(ctx context.Context, out io.Writer, settings ...string) (_ *Server, err error) {
	bin, err := binaries(ctx, out)
	if err != nil {
		return nil, err
	}
	who, err := unprivileged()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "billwatch-test-")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	if who != nil {
		if err := os.Chown(dir, int(who.Uid), int(who.Gid)); err != nil {
			return nil, err
		}
	}
	password := rand.Text()
	if err := initialize(ctx, bin, dir, password, who); err != nil {
		return nil, err
	}
	s := &Server{bin: bin, dir: dir, who: who, more: settings}
	return s, s.launch(ctx, password)
}

// initialize makes an empty cluster in dir/data.
func initialize(ctx context.Context, bin, dir, password string, who *syscall.Credential) error {
	secret := filepath.Join(dir, "password")
	if err := os.WriteFile(secret, []byte(password), 0o600); err != nil {
		return err
	}
	if who != nil {
		if err := os.Chown(secret, int(who.Uid), int(who.Gid)); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "initdb"),
		"--pgdata="+filepath.Join(dir, "data"), "--username=postgres", "--pwfile="+secret,
		"--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync")
	as(cmd, dir, who)
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, said)
	}
	return nil
}

// launch starts the server and waits until it answers. The port may be taken
// between asking for a free one and using it, so it tries three.
func (s *Server) launch(ctx context.Context, password string) error {
	var last error
	for range 3 {
		var err error
		if s.port, err = freePort(ctx); err != nil {
			return err
		}
		s.URL = fmt.Sprintf("postgres://postgres:%s@127.0.0.1:%d/postgres?sslmode=disable", password, s.port)
		if last = s.Again(ctx); last == nil {
			return nil
		}
		s.halt()
		if ctx.Err() != nil {
			break
		}
	}
	return last
}

// Again starts the server after Crash, on the same port and data, and returns
// when it answers.
func (s *Server) Again(ctx context.Context) error {
	if err := s.serve(ctx); err != nil {
		return err
	}
	if err := s.ready(ctx); err != nil {
		said, _ := os.ReadFile(filepath.Join(s.dir, "log"))
		return fmt.Errorf("start PostgreSQL: %w\n%s", err, said)
	}
	return nil
}

// Crash ends the server as a crash would: it says nothing to its clients, and
// recovers when it starts again.
func (s *Server) Crash() {
	_ = s.cmd.Process.Signal(syscall.SIGQUIT) // what "pg_ctl stop -m immediate" sends
	<-s.ended
}

// serve starts the process. Nothing in it outlives the run, so nothing needs to
// reach the disk.
func (s *Server) serve(ctx context.Context) error {
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	args := []string{
		"-D", filepath.Join(s.dir, "data"), "-p", strconv.Itoa(s.port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
		"-c", "max_connections=200", "-c", "timezone=UTC",
		"-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off",
	}
	for _, setting := range s.more {
		args = append(args, "-c", setting)
	}
	// The context must not end it: tests that are being stopped still use it.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), filepath.Join(s.bin, "postgres"), args...)
	as(cmd, s.dir, s.who)
	cmd.Stdout, cmd.Stderr = log, log
	ended, err := StartTied(cmd)
	if err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	s.cmd, s.ended = cmd, ended
	return nil
}

// ready waits until the server answers, or is gone.
func (s *Server) ready(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-s.ended:
			cancel(errors.New("it ended at once"))
		case <-ctx.Done():
		}
	}()
	if err := Answers(ctx, s.URL, 60*time.Second); err != nil {
		return errors.Join(err, context.Cause(ctx))
	}
	return nil
}

// Stop ends the server and removes all that it wrote.
func (s *Server) Stop() error {
	s.halt()
	return os.RemoveAll(s.dir)
}

// halt asks more and more firmly: fast shutdown, immediate shutdown, kill.
func (s *Server) halt() {
	if s.cmd == nil {
		return // it never started
	}
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL} {
		_ = s.cmd.Process.Signal(sig) // it may be gone already, which ended says
		select {
		case <-s.ended:
			return
		case <-time.After(10 * time.Second):
		}
	}
}

// as lets a command run as another user, in a directory of that user's, and in
// a group of its own, so that an interrupt from the terminal does not reach it.
func as(cmd *exec.Cmd, dir string, who *syscall.Credential) {
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C", "HOME="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: who}
}

// unprivileged is the user for the server: nil for the present one, unless that
// is root.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	var u *user.User
	var err error
	for _, name := range []string{"postgres", "nobody"} {
		if u, err = user.Lookup(name); err == nil {
			break
		}
	}
	if err != nil {
		return nil, errors.New("PostgreSQL does not run as root, and there is no user postgres or nobody")
	}
	uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(uidErr, gidErr); err != nil {
		return nil, fmt.Errorf("user %s: %w", u.Username, err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// freePort is a port of the loopback address that nobody used a moment ago.
func freePort(ctx context.Context) (int, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// Answers waits until the server at url answers, for at most so long.
func Answers(ctx context.Context, url string, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	db, err := sql.Open("pgx", url)
	if err != nil {
		return err
	}
	defer db.Close()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		if err = db.PingContext(ctx); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-again.C:
		}
	}
}
