// Package bench measures the program beside what bounds it, in one run on one machine: so a figure is a ratio before it
// is a number, and a ratio can be compared with that of another machine. It has no code of its own; its test is behind
// the build tag bench and is run by `make bench`, which prints the tables of docs/performance.md.
//
// Two limits are measured on the same database and mail server right before each run, and the run is divided by them:
//
//   - limit 1 is Postfix's own test client (smtp-source -d) with messages of our size, at as many sessions as the run
//     has workers, against the same smtp-sink. It composes nothing and records nothing.
//   - limit 2 is how many changes of one row the database makes durable a second, on as many connections. Divided by
//     the commits that the program makes for a mail it says how many mails can be on record.
//
// Runs are the real program in a process of its own, from before its start to its end. What it made the database do is
// counted by the database: read-write transactions that became durable (InnoDB's trx_rw_commits, which sees
// autocommitted statements too; Com_commit does not), and writes of the redo log (log_writes), each of which is flushed
// to the disk. Where commits come together one write serves several of them, so the second number is what they cost.
//
// Where the time of a run goes is measured in this process, with a stopwatch around the Store and the Sender of the
// same wiring.
//
// Every figure is the median of BENCH_RUNS (5) measurements, with the smallest and the largest one. Measurements of
// different kinds take turns, so that a machine that becomes slower becomes slower for all of them. Each says how much
// of the processors went to others meanwhile; above a few percent the figures mean little. BENCH_LOANS (2000,20000) and
// BENCH_OPEN (10000,100000,1000000) are the sizes; datasets of a million loans are measured BENCH_RUNS_LARGE (3) times.
// `make bench BENCH=idle` measures one part: delivery, peers, idle, reach, records, distance, composing, sendgrid or
// function. BENCH_PROFILES names a folder for CPU profiles.
package bench
