package reminder

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// Records say how far the records of a database have come.
type Records struct {
	Secret  string    // random, made by migrate, else by the first run
	Emails  int64     // the newest email; prune keeps it
	Notices int64     // the newest email that a notice belongs to
	Worked  time.Time // when the last run started that was finished and not held; zero when there was none
}

// A Seen is what a run tells a witness of the records that it left behind.
type Seen struct {
	Database string    `json:"database"` // made of its secret; "" when it had none
	Run      string    `json:"run_id"`
	Started  time.Time `json:"started_at"`
	Email    int64     `json:"email_id"` // the newest
}

// A Witness remembers, outside the database, what the records held. Records that hold less came from a backup. One that
// cannot be asked or told hinders no run.
type Witness interface {
	// Recall returns what was last told about the database of this configuration, and about this one wherever it was.
	Recall(database string) ([]Seen, error)
	// Tell remembers s in place of it.
	Tell(s Seen) error
}

const (
	// restoredAfter is how long no run may have worked before a database in which the library went on lending is taken for
	// one whose reminder_* tables came from a backup. A machine that was off for as long has no newer loans either.
	restoredAfter = 7 * 24 * time.Hour
	// KeptDays is for how many days, at least, a run stays on record.
	KeptDays = 90
)

// look reads how far the records have come, and reports whether they look restored from a backup: what was sent since is
// forgotten then, and a run would send it again. So it is held until a person decides.
func (r *Runner) look(ctx context.Context, now time.Time) (records Records, restored bool, err error) {
	if records, err = r.Store.Records(ctx, now); err != nil {
		return records, false, err
	}
	if records.Notices > records.Emails { // of half the tables
		return records, true, nil
	}
	if r.Witness != nil {
		told, err := r.Witness.Recall(database(records.Secret))
		if err != nil {
			r.Log.Warn("the witness beside the database cannot be read", "error", err)
		}
		for _, seen := range told {
			if restored, err = r.forgotten(ctx, seen, records, now); err != nil || restored {
				return records, restored, err
			}
		}
	}
	if records.Worked.IsZero() || now.Sub(records.Worked) < restoredAfter {
		return records, false, nil
	}
	borrowed, err := r.Store.LastBorrowed(ctx, DateOf(now, r.Settings.Zone))
	return records, borrowed.After(DateOf(records.Worked, r.Settings.Zone).AddDays(1)), err
}

// forgotten reports whether the records no longer hold what a witness saw.
func (r *Runner) forgotten(ctx context.Context, seen Seen, records Records, now time.Time) (bool, error) {
	if min(records.Emails, records.Notices) < seen.Email {
		return true, nil
	}
	if now.Sub(seen.Started) > KeptDays*24*time.Hour {
		return false, nil // the run may have been pruned
	}
	ran, err := r.Store.Ran(ctx, seen.Run)
	return !ran, err
}

// begin records the run's beginning, and tells the witness of it before anything is promised. It leaves the witness alone
// while the records contradict it and nobody has accepted them.
func (r *Run) begin(ctx context.Context, records Records, restored, accepted bool) (err error) {
	if accepted {
		if err := r.Store.Accept(ctx, records); err != nil {
			return err
		}
	}
	if err := r.Store.Begin(ctx, *r.Report); err != nil {
		return err
	}
	if r.secret = records.Secret; r.secret == "" {
		if r.secret, err = r.Store.NewSecret(ctx); err != nil {
			return err
		}
	}
	if r.Witness != nil && (accepted || !restored) {
		r.seen = Seen{Database: database(r.secret), Run: r.Report.RunID, Started: r.Report.StartedAt}
		r.tell(records)
	}
	return nil
}

// tellFinished tells the witness what the run left behind.
func (r *Run) tellFinished(ctx context.Context) {
	if r.Witness == nil || r.seen.Run == "" {
		return
	}
	if records, err := r.Store.Records(ctx, r.Now); err == nil { // else what was told at the beginning stands
		r.tell(records)
	}
}

func (r *Run) tell(records Records) {
	r.seen.Email = min(records.Emails, records.Notices)
	if err := r.Witness.Tell(r.seen); err != nil {
		r.Log.Warn("the witness beside the database cannot be written", "error", err)
	}
}

// database names a database without giving its secret away.
func database(secret string) string {
	if secret == "" {
		return ""
	}
	sum := sha256.Sum256([]byte("database " + secret))
	return hex.EncodeToString(sum[:8])
}
