// Package torture kills the program, over and over, and then compares what the mail servers took with what the outbox
// says. It has no code of its own; its test is behind the build tag torture and is run by `make torture`.
//
// The real program runs as separate processes against a real database, three at a time and started again and again,
// while a library goes on returning and renewing books. Each process gets
//
//   - an end: SIGKILL by the clock, most often in the first 150 ms; SIGKILL when its conversation with the mail server
//     reaches a chosen step; or SIGSTOP until its leases are over, and then its turn to go on as if nothing had
//     happened;
//   - a mail server of its own, which notes that it accepted a message before it says so, and which is slow, refuses,
//     hangs or drops the connection, before or after it accepted.
//
// The database's server is killed too, once for a hundred kills of the program (TORTURE_DB_KILLS), and started again at
// once. TORTURE_CONCURRENCY sets MAIL_CONCURRENCY of every process, which is 2 to 4 without it.
//
// After a few hundred kills the faults end, the program runs in peace until nothing waits, and the checks of
// checks_test.go compare. Every other round runs with REMINDER_UNKNOWN=hold. The next round has a database of its own,
// so neither memory nor rows grow with TORTURE_KILLS (default 1,000).
//
// With TORTURE_SENT=1 the mail servers also file what they accept in a mailbox of Debian's Dovecot, as Gmail does, and
// the program looks there for what is unknown (MAIL_FEEDBACK=imap). Its 15 minutes of patience pass in seconds.
//
// TORTURE_SEED, which every run prints, repeats the plan: which end and which faults the n-th process gets, and what
// the library does in which order. It cannot repeat what the operating system makes of it: which message is under way
// at the moment of the kill is different every time. So a failure is not a matter of one seed; it is what the checks
// print.
//
// Two more tests that take minutes use the same school: `make soak` watches one process's memory, `make bench-scale`
// measures several functions on one outbox.
package torture
