package pgserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
)

// errNoServer says how to mend a machine without PostgreSQL.
var errNoServer = errors.New("no PostgreSQL here: install it (apt-get install postgresql, brew install postgresql), " +
	"or set BILLWATCH_TEST_POSTGRES to the URL of a server on which tests may create databases")

// binaries is the folder with initdb and postgres: on the PATH, where Debian
// puts them, or, for root on Debian, installed now.
func binaries(ctx context.Context, out io.Writer) (string, error) {
	if dir := installed(); dir != "" {
		return dir, nil
	}
	apt, err := exec.LookPath("apt-get")
	if err != nil || os.Geteuid() != 0 {
		return "", errNoServer
	}
	fmt.Fprintln(out, "installing PostgreSQL for the tests")
	for _, args := range [][]string{
		{"update", "-q"},
		{"install", "-y", "-q", "--no-install-recommends", "postgresql"},
	} {
		cmd := exec.CommandContext(ctx, apt, args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if said, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%w\napt-get %s: %w\n%s", errNoServer, args[0], err, said)
		}
	}
	if dir := installed(); dir != "" {
		return dir, nil
	}
	return "", errNoServer
}

// installed is the folder with both binaries of the newest version here, or
// empty.
func installed() string {
	if path, err := exec.LookPath("initdb"); err == nil {
		if target, err := filepath.EvalSymlinks(path); err == nil && complete(filepath.Dir(target)) {
			return filepath.Dir(target)
		}
	}
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the pattern is well formed
	slices.SortFunc(dirs, func(a, b string) int { return cmp.Compare(version(b), version(a)) })
	if i := slices.IndexFunc(dirs, complete); i >= 0 {
		return dirs[i]
	}
	return ""
}

func complete(dir string) bool {
	for _, name := range []string{"initdb", "postgres"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.IsDir() {
			return false
		}
	}
	return true
}

// version is 15 for /usr/lib/postgresql/15/bin, and 0 where there is no number.
func version(dir string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
	if err != nil {
		return 0
	}
	return n
}
