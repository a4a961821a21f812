//go:build bench

package bench

import (
	"cmp"
	"fmt"
	"os"

	"github.com/stretchr/testify/require"
)

// peers measures, in turn, the program beside what one could take in its place: with BENCH_BESIDE another build of it.
func (b *bench) peers() {
	table := b.table("peers", "Beside what one would take in its place", "",
		column{"concurrency", "connections", 0}, column{"system", "", 0}, column{"mails", "mails/s", 0},
		column{"ratio", "Pengingat : it", 2},
		column{"commits", "commits a mail", 2}, column{"statements", "statements a mail", 2},
		column{"program", "program, µs CPU a mail", 0}, column{"database", "database, µs CPU a mail", 0},
		column{"both", "both", 0},
		column{"peak", "peak resident MiB", 1}, column{"others", "others' CPU %", 0})
	loans := number(b.T, "BENCH_PEERS_MAILS", 10_000)
	s := newSchool(b.T)
	s.lend(1, loans, 1, s.today)
	programs := [][2]string{{"Pengingat", b.program}}
	if beside := os.Getenv("BENCH_BESIDE"); beside != "" {
		programs = append(programs, [2]string{"another build", beside})
	}
	for range b.runs {
		for _, concurrency := range list(b.T, "BENCH_PEERS_CONNECTIONS", "2,16,32") {
			var ours float64
			for _, program := range programs {
				s.forget()
				environ := s.environ("MAIL_PORT="+b.port, fmt.Sprint("MAIL_CONCURRENCY=", concurrency),
					"MAIL_DAILY_LIMIT="+cmp.Or(os.Getenv("BENCH_DAILY_LIMIT"), "0"))
				before, used := s.counters(), b.Machine.usage()
				p := s.start(program[1], environ, "run", "--now", "--json")
				counted, now := s.counters(), b.Machine.usage()
				require.Equal(b, loans, p.report(b.T).Emails.Sent)
				row, of := table.row(concurrency, program[0]), float64(loans)
				ours = cmp.Or(ours, of/p.seconds)
				add(row, "mails", of/p.seconds)
				add(row, "ratio", ours/(of/p.seconds))
				add(row, "commits", float64(counted.commits-before.commits)/of)
				add(row, "statements", float64(counted.statements-before.statements)/of)
				add(row, "program", 1e6*p.cpu/of)
				add(row, "database", 1e6*(now.db-used.db)/of)
				add(row, "both", 1e6*(p.cpu+now.db-used.db)/of)
				add(row, "peak", float64(p.peak)/1024)
				add(row, "others", b.Machine.others(used))
				b.progress("peers: %s, concurrency %d: %.0f mails/s", program[0], concurrency, of/p.seconds)
			}
		}
	}
}
