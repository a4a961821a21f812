package reminder

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"
)

// Records say how far the records of a database have come.
type Records struct {
	Secret  string    // random, made by migrate, else by the first run
	Emails  int64     // the newest email; prune keeps it
	Notices int64     // the newest email that a notice belongs to
	Worked  time.Time // when the last run started that was finished and not held; zero when there was none
	Here    Place     // where they lie now
	Places  []Place   // where they have lain with a person's knowledge; none before the first run
}

// A Place is where a database lies, by what its server says of itself. Addresses are no part of it: a laptop and a
// function in the cloud reach the same server by different ones.
type Place struct {
	Server string // the server's id; "" where it has none that lasts
	Host   string // the machine's name; "" where it does not last
	Name   string // of the database
}

// mayBe reports whether q may be the same database. Servers move and get new ids and names, and a false alarm stops a
// library's reminders. Therefore one mark that agrees is enough, and a mark that cannot be compared is no evidence.
func (p Place) mayBe(q Place) bool {
	same := func(a, b string) bool { return a != "" && a == b }
	differ := func(a, b string) bool { return a != "" && b != "" && a != b }
	return p.Name == q.Name && (same(p.Server, q.Server) || same(p.Host, q.Host) || !differ(p.Server, q.Server) &&
		!differ(p.Host, q.Host))
}

// A Checkpoint is what a run tells a witness about the records: how far they have come.
type Checkpoint struct {
	Database string    `json:"database"` // made of its secret; "" when it had none
	Run      string    `json:"run_id"`
	Started  time.Time `json:"started_at"`
	Email    int64     `json:"email_id"` // the newest
}

// A Witness remembers, outside the database, how far the records had come. Records that hold less came from a backup. A
// witness that cannot be read or written does not hinder a run.
type Witness interface {
	// Recall returns what was last told about the database of this configuration, and about this one wherever it was.
	Recall(database string) ([]Checkpoint, error)
	// Tell remembers c in its place.
	Tell(c Checkpoint) error
}

const (
	// restoredAfter is how long no run may have worked before a database in which the library went on lending is taken
	// for one whose reminder_* tables came from a backup. A machine that was off for as long has no newer loans
	// either.
	restoredAfter = 7 * 24 * time.Hour
	// KeptDays is for how many days, at least, a run stays on record.
	KeptDays = 90
)

// inspectRecords reads how far the records have come. A run is held until a person decides when they look copied (a
// library's database on somebody's test machine), or restored from a backup: then what was sent since the backup is not
// on record, and a run would send it again.
func (r *Runner) inspectRecords(ctx context.Context, now time.Time) (records Records, doubt string, err error) {
	if records, err = r.Store.Records(ctx, now); err != nil {
		return records, "", err
	}
	if r.copied(records) {
		return records, ReasonLooksCopied, nil
	}
	restored, err := r.restored(ctx, records, now)
	if restored {
		doubt = ReasonLooksRestored
	}
	return records, doubt, err
}

// copied reports whether the records lie where they have never been. With REMINDER_ONLY_TO a copy may be tried out.
func (r *Runner) copied(records Records) bool {
	return len(r.Settings.OnlyTo) == 0 && len(records.Places) > 0 &&
		!slices.ContainsFunc(records.Places, records.Here.mayBe)
}

func (r *Runner) restored(ctx context.Context, records Records, now time.Time) (restored bool, err error) {
	if records.Notices > records.Emails { // of half the tables
		return true, nil
	}
	if r.Witness != nil {
		told, err := r.Witness.Recall(database(records.Secret))
		if err != nil {
			r.Log.Warn("the witness beside the database cannot be read", "error", err)
		}
		for _, seen := range told {
			if restored, err = r.lostSince(ctx, seen, records, now); err != nil || restored {
				return restored, err
			}
		}
	}
	if records.Worked.IsZero() || now.Sub(records.Worked) < restoredAfter {
		return false, nil
	}
	borrowed, err := r.Loans.LastBorrowed(ctx, DateOf(now, r.Settings.Zone))
	return borrowed.After(DateOf(records.Worked, r.Settings.Zone).AddDays(1)), err
}

// lostSince reports whether the records no longer hold what a witness saw.
func (r *Runner) lostSince(ctx context.Context, seen Checkpoint, records Records, now time.Time) (bool, error) {
	if min(records.Emails, records.Notices) < seen.Email {
		return true, nil
	}
	if now.Sub(seen.Started) > KeptDays*24*time.Hour {
		return false, nil // the run may have been pruned
	}
	ran, err := r.Store.Ran(ctx, seen.Run)
	return !ran, err
}

// Begin looks at the records and records that the run began, before anything is promised. It returns why the records
// are in doubt, or "". A dry run records nothing. The witness is left alone while the records contradict it and nobody
// has accepted them.
func (r *Run) Begin(ctx context.Context) (doubt string, err error) {
	records, doubt, err := r.inspectRecords(ctx, r.Now)
	if err != nil || r.DryRun {
		return doubt, err
	}
	trusted := doubt == "" || r.Approve
	if trusted {
		place := len(r.Settings.OnlyTo) == 0 || r.Report.Reason == ReasonQuarantined
		if err := r.Store.Accept(ctx, records, place); err != nil {
			return doubt, err
		}
	}
	if r.secret, err = r.Store.Begin(ctx, *r.Report, records.Secret); err != nil {
		return doubt, err
	}
	r.lastWorked, r.restored = records.Worked, doubt == ReasonLooksRestored
	if r.Witness != nil && trusted {
		r.checkpoint = Checkpoint{Database: database(r.secret), Run: r.Report.RunID, Started: r.Report.StartedAt}
		r.tellWitness(records)
	}
	return doubt, nil
}

// Finish records the report, also when the caller has gone, and tells the witness how far the records have come. After
// a dry run it does nothing.
func (r *Run) Finish(ctx context.Context) error {
	r.Report.DurationMS = r.Runner.Now().Sub(r.Now).Milliseconds()
	if r.DryRun {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	if err := r.Store.Finish(ctx, *r.Report); err != nil || r.checkpoint.Run == "" {
		return err
	}
	if records, err := r.Store.Records(ctx, r.Now); err == nil { // else what the witness was told at the beginning stands
		r.tellWitness(records)
	}
	return nil
}

func (r *Run) tellWitness(records Records) {
	r.checkpoint.Email = min(records.Emails, records.Notices)
	if err := r.Witness.Tell(r.checkpoint); err != nil {
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
