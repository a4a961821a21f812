// Package reminder is the story of a reminder: what to say, to whom, when, and once. It knows no SQL driver, no HTTP and no
// SMTP; package mysql keeps its records, package mail carries its messages, package setup puts them together.
//
// # What it promises
//
// A borrower whose loan is due, or late, gets one e-mail a step of the schedule. No crash, overlap or repetition of runs
// makes that two, as far as it can be known; what cannot be known is said ([StateUnknown]); and nothing that was promised is
// forgotten. Between two runs nothing runs: all that must not be lost is in the library's own database.
//
// # The key
//
// A [Notice] is the promise to tell about (kind, loan, due date, step), and these four are a unique key. It is why a run may
// be started at any moment, any number of times, on several machines at once. The [Kind] says what the notice is about and
// to whom it goes; each kind has a [Mailing], and the run does the rest for all of them alike. Three choices make the key
// carry that weight:
//
//   - Due dates are civil ([Date]). No zone, no clock change and no server's idea of midnight moves them.
//   - A step is in force from its day until the next step's day ([Schedule.InForce]), so a run asks "which step is in
//     force?" and not "is today the day?". After a week without power there is one notice, the newest. Only a step newer
//     than every promised one is promised; so a changed schedule does not tell again what the old one told.
//   - A renewed loan has a new due date, so a new [Cycle], without anybody noticing the renewal.
//
// A notice that was dropped before anything was sent promises nothing any more ([Voids]): a return that was booked by mistake,
// a sync job that deletes and inserts loans, a clock that was wrong. When its loan is open and its step in force, the step is
// promised anew under the same key: the void row goes in the transaction that inserts the new one, and of two runs the key
// lets one through. The plan and the recheck judge alike, so none is promised and dropped in turn for ever.
//
// A loan that was booked on the wrong borrower and moved is told to the right one. The row of the other's notice makes room,
// under a number that is no step's, and stays as the record of who was told what: so moving a loan to and fro tells nobody
// the same step again. When hundreds of loans have moved at once, it is the ids that have changed, and none is told again.
//
// Days on which the library is closed move steps but make none: a book that was due in a holiday counts as late only after
// the first day on which it could be returned ([Calendar.Offset]). A branch may have a calendar of its own; while it is
// closed, its loans are left for a later run ([Rules.Closing]). Which steps a borrower wants is judged anew by every run.
//
// # A run
//
// [Runner.Run] reads the clock once. Then, with what a crash there does (a panic is one, but that the run ends with an error
// instead of the process):
//
//  1. Look and begin. Records that lie elsewhere than they did are a copy ([Place]), and records that hold less than they did
//     came from a backup ([Records], [Witness]): the run is held, whatever the hour, until a person accepts them or puts them in
//     quarantine. Else a row says that a run started, and the witness
//     beside the database hears of it, before anything is promised. Crash before that: the row has no end, and status says
//     so; the witness knows an older run, which is on record too.
//  2. Sweep. What dead runs left is settled: a claim whose lease ran out is queued again, a hand-over becomes unknown,
//     and, by REMINDER_UNKNOWN=resend, an unknown one is queued once more. Each is one UPDATE that is true by itself.
//     Crash between two: the next sweep finds the rest.
//  3. Scan and plan. Loans in reach are read and judged ([Rules.Judge]); one [Email] a borrower gathers their
//     notices ([Plan]). Read only, and pure. Crash: nothing happened. Nothing is kept of what is not in order: no
//     address, on hold, opted out, withheld, odd; such a loan is judged anew by every run. A row that the database cannot
//     compute, or that says nothing that can be meant, is counted as odd and does not keep the others from being read.
//  4. Brake. A plan larger than REMINDER_MAX_PER_RUN is a mistake more often than not. It is held: none of it is written.
//  5. Promise. Emails and notices are inserted, a few hundred in a transaction. Crash: whole transactions stand or do
//     not; what does not is planned again. Another run at the same time: the key lets one of them through (error 1062),
//     the other leaves those notices out.
//  6. Claim. One UPDATE takes some queued emails with a random token and a lease. Crash: nothing was sent; when the lease
//     is over they are queued again (2). The try is given back, but after ten such crashes the next one ends the email as
//     failed, so that one that kills its run cannot do so for ever.
//  7. Recheck. The loans are read again. Returned, renewed, on hold, opted out, no address, a later step in force: the
//     line is dropped, and with all lines the email ends as canceled or expired. The outbox holds no address, no name
//     and no title, so what is sent can only be what is true now.
//  8. Compose. Pure.
//  9. Hand over. When the server has taken everything but the last byte, one guarded UPDATE claimed → handover stores
//     Message-ID and Date. It must match one row: a run that slept past its lease matches none, drops the connection
//     without the final dot, and the server forgets the message. It also proves that the database can be written before
//     the one thing that cannot be undone. Crash before it: as in 6. Crash after it: the outcome is unknown (2).
//  10. Send. The final dot, or the POST: the only step with an effect outside.
//  11. Record. One guarded UPDATE writes the outcome. It is tried also when the run's time is over. Crash before it, or
//     the database gone: the mark stands, and the email becomes unknown, never a silent second mail. Meanwhile the next
//     email is prepared, but its mark waits.
//  12. Finish. The run's row gets its [Report].
//
// # The morning's summary
//
// On every open day the first run in the window promises the librarian a summary (REMINDER_SUMMARY_TO), also when there is
// nothing to tell, so that its absence is an alarm. It is an [Email] like any other, of a kind of its own: its notice is
// (KindSummary, "", day, recipient), and the key, the claim, the mark and the outcome do for it what they do for a reminder.
// It is composed at the hand-over, names and titles included, and nothing of that is kept. One of a former day expires.
//
// It goes first in its run ([PriorityFirst]). So it comes also when a daily limit, the time or a brake keeps the reminders
// back, and after a pause it is the librarian's own mail that tries the server. It says how many emails its run is about to
// send, and what became of those before; what becomes of these it tells tomorrow. A run that is held sends the summary and
// nothing else; a paused one sends nothing.
//
// # States of an email
//
//	queued → claimed → handover → sent
//	   ↑________|__________|          surely not accepted, tries left: queued again
//	                                  other ends: refused, canceled, expired, failed, unknown
//
// Each end has its own word: what was skipped is never recorded as sent. An unknown email that is sent once more keeps its
// Message-ID and Date, so that a receiver who recognises copies can drop one; a second unknown outcome is final, and a
// recheck that would cancel it leaves it unknown. An email that was surely not accepted gets new ones with its next try.
//
// The Message-ID is made of what the email tells, to whom, and which try it is, under a secret of the database. So records that
// were restored from a backup, and promise again what they do not remember, send it under the same name.
//
// # Failures of the mail server
//
// They are classified by what to do ([mail.Fate]), not by what was said: try this message again, give it up, remember its
// address as bad, or stop the run because the next message would fare the same. Stopping burns no try, hands claims back,
// and stores a [Pause], so that the next trigger does not hammer a server that said no. It ends by itself, or as soon as the
// mail configuration changes. After it emails go one by one until one is accepted, and those that were answered before go
// last.
//
// And they are classified by pattern ([mail.Pattern]): what three different borrowers are answered alike is not about them, in
// whatever words. What was refused so is taken back, also by the next run if this one dies; pattern.go tells when not.
//
// # Order, when not everything can go
//
// What goes first, due today, before due, first late, repeats ([Priority]); then the oldest. After all these go the emails whose last answer
// may not have been about them, and the second chances of unknown ones: they begin with one, and go on when one is accepted.
// Claims are taken in this order, so it holds under MAIL_DAILY_LIMIT and at the end of a run's time.
//
// # Time
//
// Three clocks, each with one use. The run's instant decides the day and the window. The database's clock measures leases
// and retries, because the machines' clocks need not agree. The context's deadline ends a run: no email is begun after it,
// one in flight may finish. A lease is longer than any run can last; package setup refuses a configuration in which it is
// not. If it happens all the same, the hand-over fails (9).
//
// On a laptop the first two are one clock, and it goes wrong. Set back, it plans nothing that was told: the keys stand. Set
// ahead, it leaves times that are long to come; the sweep, the daily limit and the pauses do not believe those.
package reminder
