// Package reminder decides which reminders are due, and sends each of them once. It knows no SQL driver, no HTTP and no
// SMTP. Package mysql keeps its records, package letter writes its mails, package mail sends them, and package setup
// wires these packages.
//
// # What it promises
//
// A borrower whose loan is due or late gets one e-mail for each step of the schedule. Crashes, overlaps and repetitions
// of runs do not make that two, as far as the outcome can be known; an outcome that cannot be known is recorded as such
// ([StateUnknown]). No promised e-mail is lost. Between two runs there is no process: all state is in the library's own
// database.
//
// # The key
//
// A [Notice] is the promise to tell about (kind, loan, due date, step). These four are a unique key in the database, so
// a run may start at any moment, any number of times, on several machines at once. The [Kind] says what the notice is
// about and to whom it goes. Each kind has a [Mailing]; the run does everything else for all kinds alike. The key works
// because:
//
//   - Due dates are civil dates ([Date]). No time zone and no clock change moves them.
//   - A step is in force from its day until the next step's day ([Schedule.InForce]). A run does not ask whether today
//     is the day of a step, but which step is in force. After a week without power there is one notice, for the newest
//     step. A step is promised only if it is later than all steps promised before, so a changed schedule repeats
//     nothing.
//   - A renewed loan has a new due date, which is a new [Cycle]. The program need not notice the renewal.
//
// A notice that was dropped before anything was sent is void ([Voids]). The reason may have been a return that was
// booked by mistake, a sync job that deletes and inserts loans, or a clock that was wrong. When its loan is open again
// and its step is in force, the step is promised again under the same key. The transaction that inserts the new row
// deletes the void one, and if two runs try, the key lets one through. The plan and the recheck use the same list of
// rules (rules.go), so a notice is never promised and dropped in a loop.
//
// If a loan was booked on the wrong borrower and then moved, the right borrower gets a notice, too. The row of the
// first borrower's notice is kept under a number that no step has. It records who got which step, so moving the loan
// back and forth repeats nothing. If hundreds of loans have moved at once, the library's system has changed its ids,
// and no notice is repeated.
//
// Closed days move steps: a book that was due in a holiday is late only after the first day on which it could be
// returned ([Calendar.Offset]). With REMINDER_BEFORE_CLOSURE the last open day before a long closure is a step of the
// loans that are due in it: -6 when it is six days before the due date. If no run happens on that day, the step is left
// out, and the step after the closure follows. If the closure is moved, the step is promised again only when the new
// last open day is later. If the closure is removed, the promise is dropped, and the schedule's own steps remain. A
// branch may have its own calendar; while it is closed, its loans wait for a later run ([Rules.WithholdClosed]). Each
// run reads which steps a borrower wants.
//
// REMINDER_MIN_DAYS limits how often one borrower gets an email (spacing.go). A notice that it holds back is not
// promised, so each run judges its loan again.
//
// # A run
//
// [Runner.Run] reads the clock once. These are its steps, and what a crash in each of them does. A panic counts as a
// crash, but it ends the run with an error and not the process.
//
//  1. Inspect and begin. A database on another server or with another name counts as a copy ([Place]). Records that
//     have less than before come from a backup ([Records], [Witness]). Both hold the run at any hour, until a person
//     accepts the records or puts them in quarantine. Otherwise a row records that a run started, and the witness, a
//     file outside the database, is updated before anything is promised. Crash before the update: the row has no end,
//     which status shows; the witness names an older run, which is on record, too.
//  2. Sweep. Emails of crashed runs are settled: a claim whose lease ran out is queued again, a hand-over becomes
//     unknown, and with REMINDER_UNKNOWN=resend an unknown email is queued once more. Each of these is one UPDATE that
//     is correct without the others. Crash between two: the next sweep does the rest.
//  3. Scan and plan. The loans in reach are read and judged ([Rules.Judge]); each kind's [Planner] gathers the notices
//     into emails. This only reads. Crash: nothing happened. Loans that get no mail (no address, on hold, opted out,
//     withheld, odd) leave no record; each run judges them again. A row that the database cannot compute, or that makes
//     no sense, is counted as odd; the others are read.
//  4. Brake. A plan larger than REMINDER_MAX_PER_RUN usually is a mistake. The run is held, and nothing is promised.
//  5. Promise. Emails and notices are inserted, a few hundred in a transaction. Crash: a transaction is stored as a
//     whole or not at all; the rest is planned again. Another run at the same time: the key lets one of them through
//     (error 1062), and the other leaves those notices out.
//  6. Claim. One UPDATE takes some queued emails with a random token and a lease. Crash: nothing was sent; when the
//     lease is over, the emails are queued again (2). Such a crash uses up no try. But after ten of them the email ends
//     as failed, so an email that crashes its run does so at most ten times.
//  7. Recheck. The loans of the claimed emails are read again, and once more if an email then waits longer than a
//     second. A notice is dropped if its loan is returned, renewed or on hold, if the borrower opted out or has no
//     address, or if a later step is in force. An email without notices ends as canceled or expired. The outbox holds
//     no address, no name and no title, so what is sent can only be what was true a second ago.
//  8. Compose. Pure.
//  9. Hand over. When the server has accepted everything but the last byte, one guarded UPDATE claimed → handover
//     stores Message-ID and Date. It must match one row. A run that slept past its lease matches none; it closes the
//     connection without the final dot, and the server drops the message. The UPDATE also proves that the database can
//     be written, before the step that cannot be undone. Crash before it: as in 6. Crash after it: the outcome is
//     unknown (2).
//  10. Send. The final dot, or the POST: the only step with an effect outside.
//  11. Record. One guarded UPDATE writes the outcome, also when the run's time is over. If the run crashes before it,
//     or the database cannot be reached, the mark stays, and the email becomes unknown, never a silent second mail.
//     Meanwhile the next email is prepared, but its mark waits for this record.
//  12. Read the feedback. With MAIL_FEEDBACK the run reads what became of mail after it was accepted ([Feedback]). This
//     changes nothing in the mailbox and cannot fail the run. The position in the mailbox is stored after the results:
//     after a crash between the two, the same mails are read again, and each result is recorded once. Unknown emails
//     are looked up before 4, too, so that no accepted one is sent again; then the sweep does not queue them.
//  13. Clean up. Once a month old records are removed, in batches that are transactions, for at most 20 s
//     (REMINDER_KEEP). Records of loans that may still get a notice stay. Crash: the next day's run continues.
//  14. Finish. The run's row gets its [Report].
//
// # Guardians
//
// The rules treat a guardian as a borrower whose id is a digest of the address, and who has the children's loans from
// REMINDER_GUARDIAN_FROM on ([Loan.ForGuardian]). So all steps above apply to guardians, too; see guardian.go.
//
// # Mail to the staff
//
// The morning's summary and the class lists go to the library's own staff and report what the desk shows. Package staff
// has their Mailings; package setup gives these to the run. The run promises and sends them like the other kinds and
// knows nothing else about them. Their contents, with names and titles, are gathered at the recheck and never stored.
//
// On every open day the first run in the window promises the librarian a summary (REMINDER_SUMMARY_TO), also when there
// is nothing to report: a morning without one means that the program does not run. Its notice is (KindSummary, "", day,
// recipient). A summary of an earlier day expires. The summary goes first in its run ([PriorityFirst]). So it is sent
// even if a daily limit, the time or the brake holds the reminders back, and after a pause it is the mail that tries
// the server. It says how many emails its run is about to send, and what became of earlier ones. A held run sends only
// the summary; a paused run, or one on a copy of the database, sends nothing.
//
// On REMINDER_CLASS_DAY each homeroom teacher gets the late loans of the class, and the librarians get those that are
// on no teacher's list. The notice is (KindClass, class, Monday of the week, 0), so there is one list a week, even if
// REMINDER_CLASS_DAY changes during the week. The runs of that day promise the lists, or if none of them finished, the
// runs of a later day in the same week. Names of classes are compared as a person reads them. If the data has two
// classes for a pupil, the loan is on no teacher's list, so no list has a pupil of another class.
//
// # States of an email
//
//	queued → claimed → handover → sent
//	   ↑________|__________|          surely not accepted, tries left: queued again
//	                                  other ends: refused, canceled, expired, failed, unknown
//	                           sent → bounced: accepted, and came back
//
// Each end has its own state, so a skipped email is never recorded as sent. An unknown email that is sent once more
// keeps its Message-ID and Date, so receivers can recognise the copy and drop it. A second unknown outcome is final. If
// a recheck would cancel an email that may have been sent, it ends as unknown. An email that was surely not accepted
// gets a new Message-ID and Date with its next try.
//
// The Message-ID is derived from the notices, the recipient and the number of the try, with a secret of the database.
// After a restore the run promises again what the backup does not have, and sends it with the same Message-ID. If the
// mailbox of sent mail can be read, the records are compared with it before the run promises anything: each mail names
// its notices in a header, and missing ones are recorded again. Crash between two of those: the next run does the rest.
//
// # Failures of the mail server
//
// They are classified by what the run does next ([mail.Fate]): try this message again, give it up, record its address
// as bad, or stop the run because the next message would get the same answer. Stopping uses up no try, releases the
// claims, and stores a [Pause], so the next run does not repeat at once what the server refused. The pause ends after
// some time, or when the mail configuration changes. After it, one email is sent at a time until one is accepted; those
// that the server answered before go last.
//
// They are also classified by pattern ([mail.Pattern]): if three different borrowers get the same answer, it is not
// about any of them, whatever its words. The emails that it ended are queued again, by the next run if this one
// crashes; see pattern.go.
//
// # Order, when not everything can be sent
//
// First the mail to the librarian, then due today, before due, first late, repeats ([Priority]); within each the oldest
// first. After all of these come the emails whose last answer may not have been about them, and unknown ones that are
// sent once more: one is tried, and the others follow if it is accepted. Claims are taken in this order, so it is also
// the order under MAIL_DAILY_LIMIT and when a run's time ends.
//
// # Time
//
// There are three clocks, each with one use. The run's instant decides the day and the window. The database's clock
// measures leases and retries, because the clocks of several machines may differ. The context's deadline ends a run: no
// email is begun after it, one in flight may finish. A lease is longer than any run can last; package setup refuses a
// configuration in which it is not. If a run still outlasts its lease, the hand-over fails (9).
//
// On a laptop the first two are one clock, and it can be wrong. If it is set back, the keys prevent repetitions. If it
// was ahead, it has left times far in the future; the sweep, the daily limit and the pauses ignore those.
package reminder
