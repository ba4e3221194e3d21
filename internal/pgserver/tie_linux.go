package pgserver

import (
	"os/exec"
	"syscall"
)

// tie lets the kernel end the command with the thread that starts it. PostgreSQL
// takes SIGQUIT for an immediate shutdown, and ends its own processes.
func tie(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGQUIT
}
