//go:build !unix

package mail

// readable always returns true, because this system cannot tell.
func (w *wire) readable() bool { return true }
