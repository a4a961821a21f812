// River is what a Go engineer would take in place of this program's outbox: a job queue on PostgreSQL, with a job for
// each mail. It makes mails of the same size for the same server, so that `make bench-peers` can measure it beside the
// program. DATABASE_URL, SMTP_PORT, MAILS and CONNECTIONS are its settings. It inserts the jobs unless they are there,
// and ends when none is left.
package main

import (
	"bytes"
	"context"
	"fmt"
	htmltemplate "html/template"
	"log"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/wneessen/go-mail"
)

// A reminder is a job: one mail to one borrower about one loan.
type reminder struct {
	Name, Address, Title, Ref, Due string
}

func (reminder) Kind() string { return "reminder" }

type worker struct {
	river.WorkerDefaults[reminder]
	connections chan *connection
	port        int
}

// A connection is kept from one mail to the next, for at most a hundred, as the program does.
type connection struct {
	client *mail.Client
	used   int
}

func (w *worker) Work(ctx context.Context, job *river.Job[reminder]) error {
	c := <-w.connections
	defer func() { w.connections <- c }()
	m, err := job.Args.message(job.ID)
	if err != nil {
		return err
	}
	if c.client == nil || c.used == 100 {
		if c.client != nil {
			c.client.Close()
		}
		c.used = 0
		c.client, err = mail.NewClient("127.0.0.1", mail.WithPort(w.port), mail.WithTLSPolicy(mail.NoTLS),
			mail.WithoutNoop(), mail.WithHELO("localhost"))
		if err == nil {
			err = c.client.DialWithContext(ctx)
		}
		if err != nil {
			c.client = nil
			return err
		}
	}
	c.used++
	return c.client.Send(m)
}

func (r reminder) message(id int64) (*mail.Msg, error) {
	var text, html bytes.Buffer
	if err := plain.Execute(&text, r); err != nil {
		return nil, err
	}
	if err := rich.Execute(&html, r); err != nil {
		return nil, err
	}
	m := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := m.From("perpus@mtsn6garut.example"); err != nil {
		return nil, err
	}
	if err := m.AddToFormat(r.Name, r.Address); err != nil {
		return nil, err
	}
	m.Subject("Buku " + r.Title + " harus kembali hari ini")
	m.SetMessageIDWithValue(fmt.Sprintf("%d@mtsn6garut.example", id))
	m.SetDate()
	m.SetBodyString(mail.TypeTextPlain, text.String())
	m.AddAlternativeString(mail.TypeTextHTML, html.String())
	return m, nil
}

// As long as the program's letter about one loan: 6 KB with its HTML.
const letter = `Halo {{.Name}},

Buku ini harus kembali hari ini:

* {{.Title}}
  Tanggal harus kembali: {{.Due}}.
  Nomor peminjaman: {{.Ref}}

Bawa bukunya ke Perpustakaan MTSN 6 Garut. Belum selesai membaca? Tanyakan kepada petugas.
`

var (
	plain = template.Must(template.New("").Parse(letter))
	rich  = htmltemplate.Must(htmltemplate.New("").Parse("<!DOCTYPE html><html><head><style>" +
		strings.Repeat("p { margin: 0 0 16px; color: #1a1a1a; font-size: 16px } ", 60) + "</style></head><body><p>" +
		strings.ReplaceAll(letter, "\n\n", "</p><p>") + "</p></body></html>"))
)

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	var numbers [3]int
	for i, name := range []string{"SMTP_PORT", "MAILS", "CONNECTIONS"} {
		n, err := strconv.Atoi(os.Getenv(name))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		numbers[i] = n
	}
	port, mails, connections := numbers[0], numbers[1], numbers[2]
	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		return err
	}
	defer pool.Close()
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Logger: quiet})
	if err != nil {
		return err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return err
	}
	w := &worker{port: port, connections: make(chan *connection, connections)}
	for range connections {
		w.connections <- &connection{}
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, w)
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{
		Queues:            map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: connections}},
		FetchCooldown:     time.Millisecond,
		FetchPollInterval: 50 * time.Millisecond,
		Workers:           workers,
		Logger:            quiet,
	})
	if err != nil {
		return err
	}
	if err := insert(ctx, pool, client, mails); err != nil {
		return err
	}
	if err := client.Start(ctx); err != nil {
		return err
	}
	for left := 1; left > 0; time.Sleep(10 * time.Millisecond) {
		err := pool.QueryRow(ctx, "SELECT count(*) FROM (SELECT 1 FROM river_job WHERE state <> 'completed' LIMIT 1) x").Scan(&left)
		if err != nil {
			return err
		}
	}
	return client.Stop(ctx)
}

var quiet = slog.New(slog.DiscardHandler)

// insert inserts the jobs in batches of a thousand, unless they are there. A job that a killed process had at work runs
// again: in time River would rescue it, by default after an hour.
func insert(ctx context.Context, pool *pgxpool.Pool, client *river.Client[pgx.Tx], mails int) error {
	var there int
	if err := pool.QueryRow(ctx, "SELECT count(*) FROM river_job").Scan(&there); err != nil {
		return err
	}
	if there > 0 {
		_, err := pool.Exec(ctx, "UPDATE river_job SET state = 'available' WHERE state = 'running'")
		return err
	}
	for first := 0; first < mails; first += 1000 {
		var batch []river.InsertManyParams
		for n := first; n < min(first+1000, mails); n++ {
			batch = append(batch, river.InsertManyParams{Args: reminder{
				Name: fmt.Sprintf("Siti Nomor %d", n), Address: fmt.Sprintf("siswa%d@example.org", n),
				Title: fmt.Sprintf("Laskar Pelangi %d", n), Ref: fmt.Sprintf("PJM-%07d", n), Due: "Selasa, 24 November 2026"}})
		}
		if _, err := client.InsertManyFast(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}
