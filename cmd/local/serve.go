package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

func (p *program) serveCommand() *cobra.Command {
	var port int
	cmd := &cobra.Command{
		Use:   "serve",
		Short: p.say("Jalankan fungsi cloud di komputer ini", "Serve the cloud function on this computer"),
		Long: p.say(`Menjalankan fungsi cloud di 127.0.0.1: setiap POST / adalah satu kali 'run'. Berguna untuk mencoba;
tidak dapat dijangkau dari komputer lain, dan tidak dari halaman web di peramban komputer ini.`,
			`Serves the cloud function on 127.0.0.1: every POST / is one run. Meant for trying it out; neither
another computer nor a web page in this computer's browser can reach it.`),
		Example: "  pengingat serve --port 8080\n  curl -X POST http://127.0.0.1:8080/",
		RunE: func(*cobra.Command, []string) error {
			if port < 1 || port > 65535 {
				return p.usagef("--port %d: port adalah 1 sampai 65535", "--port %d: a port is 1 to 65535", port)
			}
			if _, err := p.config(setup.Load); err != nil {
				return err
			}
			// The function reads the process's environment, as it does in the cloud.
			for key, value := range p.environ {
				if err := os.Setenv(key, value); err != nil {
					return fmt.Errorf("set %s: %w", key, err)
				}
			}
			listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
			if err != nil {
				return reminder.NewFault(err, fmt.Sprintf("Port %d tidak dapat dipakai; sebutkan yang lain dengan --port.", port),
					fmt.Sprintf("Port %d cannot be used; name another one with --port.", port))
			}
			p.printf("POST http://127.0.0.1:%d/ menjalankan pengingat. Ctrl-C berhenti.",
				"POST http://127.0.0.1:%d/ runs the reminders. Ctrl-C stops.", port)
			return localServer(pengingat.Handler, port).Serve(listener)
		},
	}
	cmd.Flags().IntVar(&port, "port", 8080, p.say("`nomor` port", "port `number`"))
	return cmd
}

// localServer serves programs on this computer and nobody else. A web page that somebody has open can send requests to 127.0.0.1 too:
// it is told apart by the headers of its browser, and one that got the address by a name of its own (DNS rebinding) by the Host.
func localServer(handler http.Handler, port int) *http.Server {
	hosts := []string{net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), net.JoinHostPort("localhost", strconv.Itoa(port))}
	sameSite := http.NewCrossOriginProtection().Handler(handler)
	return &http.Server{
		ReadHeaderTimeout: 10 * time.Second, // a client that sends nothing holds nothing
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !slices.Contains(hosts, r.Host) {
				http.Error(w, "this host is not served here", http.StatusMisdirectedRequest)
				return
			}
			sameSite.ServeHTTP(w, r)
		}),
	}
}
