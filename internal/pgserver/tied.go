package pgserver

import (
	"os/exec"
	"runtime"
)

// StartTied starts a command that ends with this process, however this one ends:
// nothing is left behind where a test is killed or runs into its time-out. That
// is so on Linux; elsewhere only an orderly end ends it. The channel is closed
// when the command has ended.
func StartTied(cmd *exec.Cmd) (<-chan struct{}, error) {
	tie(cmd)
	started, ended := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread() // the kernel ties it to the thread, which must last as long
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is in its state
		}
	}()
	return ended, <-started
}
