package mail

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// File writes messages into a directory, one .eml file each, in place of sending them.
type File struct {
	dir string
}

// NewFile returns a sender that writes into dir and makes it when needed.
func NewFile(dir string) *File { return &File{dir: dir} }

// Send implements [Sender]. The same message sent again replaces its file.
func (f *File) Send(ctx context.Context, m Message, handover Handover) (Receipt, error) {
	raw, err := m.Bytes()
	if err != nil {
		return Receipt{}, err
	}
	if err := ctx.Err(); err != nil {
		return Receipt{}, &Error{Fate: Stop, Phase: "file", Err: err}
	}
	name := fileName(m)
	temp, err := f.write(raw)
	if err != nil {
		return Receipt{}, fileError(err)
	}
	defer os.Remove(temp) // does nothing after the rename
	if err := handover(ctx); err != nil {
		return Receipt{}, err
	}
	// A rename either happens or does not, so after an error the message is surely not sent.
	if err := os.Rename(temp, filepath.Join(f.dir, name)); err != nil {
		return Receipt{}, fileError(err)
	}
	return Receipt{ID: name}, nil
}

// Close implements [Sender]; there is nothing to close.
func (f *File) Close() error { return nil }

// write puts raw into a new file that does not look like a message yet, and returns its path.
func (f *File) write(raw []byte) (path string, err error) {
	if err := os.MkdirAll(f.dir, 0o700); err != nil { // 0700, because the mails say who has which book
		return "", err
	}
	temp, err := os.CreateTemp(f.dir, "*.tmp")
	if err != nil {
		return "", err
	}
	_, err = temp.Write(raw)
	if err = errors.Join(err, temp.Close()); err != nil {
		os.Remove(temp.Name())
		return "", err
	}
	return temp.Name(), nil
}

func fileError(err error) *Error {
	return &Error{Fate: Stop, Pause: PauseServer, PauseFor: shortPause, Phase: "file",
		Err: fmt.Errorf("write message: %w", err)}
}

var (
	notForNames = re(`[^A-Za-z0-9._-]`)
	// Windows keeps these names for devices, with any ending.
	deviceName = re(`(?i)^(con|prn|aux|nul|com\d|lpt\d)(\.|$)`)
)

func fileName(m Message) string {
	name := notForNames().ReplaceAllString(cmp.Or(m.Ref, m.ID), "_")
	if deviceName().MatchString(name) {
		name = "_" + name
	}
	return name[:min(len(name), 100)] + ".eml"
}
