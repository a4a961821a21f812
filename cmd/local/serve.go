package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
	"github.com/spf13/cobra"

	"github.com/mtsn6garut/pengingat"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

func (p *program) serveCommand() *cobra.Command {
	var port int
	cmd := &cobra.Command{
		Use:   "serve",
		Short: p.say("Jalankan fungsi cloud di komputer ini", "Serve the cloud function on this computer"),
		Long: p.say(`Menjalankan fungsi cloud dengan functions framework di 127.0.0.1: setiap POST / adalah satu kali
'run'. Berguna untuk mencoba; tidak dapat dijangkau dari komputer lain.`,
			`Serves the cloud function with the functions framework on 127.0.0.1: every POST / is one run.
Meant for trying it out; no other computer can reach it.`),
		Example: "  pengingat serve --port 8080\n  curl -X POST http://127.0.0.1:8080/",
		RunE: func(*cobra.Command, []string) error {
			if _, err := p.config(setup.Load); err != nil {
				return err
			}
			// The function reads the process's environment, as it does in the cloud.
			for key, value := range p.environ {
				if err := os.Setenv(key, value); err != nil {
					return fmt.Errorf("set %s: %w", key, err)
				}
			}
			if err := os.Setenv("FUNCTION_TARGET", pengingat.Target); err != nil {
				return err
			}
			p.printf("POST http://127.0.0.1:%d/ menjalankan pengingat. Ctrl-C berhenti.",
				"POST http://127.0.0.1:%d/ runs the reminders. Ctrl-C stops.", port)
			err := funcframework.StartHostPort("127.0.0.1", strconv.Itoa(port))
			if _, ok := errors.AsType[*net.OpError](err); ok {
				return fmt.Errorf("port %d: %w", port, err)
			}
			return err
		},
	}
	cmd.Flags().IntVar(&port, "port", 8080, p.say("nomor port", "port number"))
	return cmd
}
