package setup

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/mtsn6garut/pengingat/reminder"
)

// A witness is a small file in the folder of the log. It has the last checkpoint of the records. There is one for each
// address of a database: a restored backup has the same address, and so has a new database in its place.
type witness struct {
	folder, file string
}

func newWitness(folder, address string) *witness {
	sum := sha256.Sum256([]byte(address))
	return &witness{folder, filepath.Join(folder, "witness-"+hex.EncodeToString(sum[:6])+".json")}
}

// Recall reads the files of all addresses.
func (w *witness) Recall() ([]reminder.Checkpoint, error) {
	var told []reminder.Checkpoint
	err := w.each(func(file string, seen reminder.Checkpoint) error {
		seen.Here = file == w.file
		told = append(told, seen)
		return nil
	})
	return told, err
}

// Tell writes the file of the address, by a rename, so that a crash leaves the old or the new one. It removes the other
// files about the same database, because they would contradict it later.
func (w *witness) Tell(s reminder.Checkpoint) error {
	if err := os.MkdirAll(w.folder, 0o755); err != nil {
		return err
	}
	// The scheduled task and a person run the program under different users, so both may read the file.
	err := ReplaceFile(w.file, 0o644, func(file io.Writer) error { return json.NewEncoder(file).Encode(s) })
	if err != nil {
		return err
	}
	return w.each(func(file string, seen reminder.Checkpoint) error {
		if file != w.file && seen.Database == s.Database && s.Database != "" {
			return os.Remove(file)
		}
		return nil
	})
}

// each calls f for all witnesses in the folder. It skips those that it cannot read, and returns their errors at the
// end.
func (w *witness) each(f func(file string, seen reminder.Checkpoint) error) error {
	files, err := filepath.Glob(filepath.Join(w.folder, "witness-*.json"))
	for _, file := range files {
		var seen reminder.Checkpoint
		text, rerr := os.ReadFile(file)
		if rerr == nil {
			rerr = json.Unmarshal(text, &seen)
		}
		if rerr == nil {
			rerr = f(file, seen)
		}
		err = errors.Join(err, rerr)
	}
	return err
}
