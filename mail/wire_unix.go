//go:build unix

package mail

import "syscall"

// readable reports whether something has arrived. The end of the connection counts, too.
func (w *wire) readable() bool {
	arrived := true
	if tcp, ok := w.Conn.(syscall.Conn); ok {
		if raw, err := tcp.SyscallConn(); err == nil {
			_ = raw.Read(func(fd uintptr) bool {
				_, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK)
				arrived = err != syscall.EAGAIN
				return true
			})
		}
	}
	return arrived
}
