// Command pengingat is the local door of the reminder run: what Cloud Scheduler and the function are in the cloud, this
// program and Windows Task Scheduler are on the library's own machine. It also holds what only a person does: migrate,
// look, try out.
//
// Each command has a file of its own. What they print is Indonesian or English, as APP_LOCALE says. Exit codes: 0 done;
// 10 done, but something needs a person; 64 wrong usage; 75 a retry may help; 78 configuration. (Windows shows them as the
// task's last result, where 1 and 2 would read as errors of Windows.)
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// The exit codes.
const (
	exitDone        = 0
	exitNeedsPerson = 10
	exitUsage       = 64
	exitRetry       = 75
	exitConfig      = 78
)

func main() {
	// The first Ctrl-C or SIGTERM ends a run in order: what is in flight is finished and recorded. The second one kills.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	p := &program{in: os.Stdin, out: os.Stdout, errOut: os.Stderr, machine: thisMachine}
	os.Exit(p.execute(ctx, os.Args[1:], os.Environ()))
}

// A program is one call of the command line.
type program struct {
	in          io.Reader
	out, errOut io.Writer
	machine     machine
	envFiles    []string          // as --env names them
	real        []string          // variables of the environment, as KEY=value
	environ     map[string]string // those and the .env file
	envFile     string            // the file that was read, or ""
	envErr      error             // why it could not be read: told when a command needs it
	locale      string

	started bool // a command was found and its arguments were good
	code    int  // exit code of a command that ended without an error
}

// execute runs one command line and returns its exit code.
func (p *program) execute(ctx context.Context, args, environ []string) int {
	p.real, p.envFiles = environ, envFlag(args)
	p.read(slices.Concat(p.envFiles, []string{""})[0])
	cobra.MousetrapHelpText = p.say( // what a double click in Explorer shows
		"Pengingat dijalankan dari Command Prompt: tekan Start, ketik cmd, lalu ketik: pengingat --help\n",
		"Pengingat is run from the Command Prompt: press Start, type cmd, then type: pengingat --help\n")
	root := p.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return p.code
	case !p.started:
		fmt.Fprintf(p.errOut, "%v\n%s\n", err, p.say("Bantuan: pengingat --help", "Help: pengingat --help"))
		return exitUsage
	}
	fmt.Fprintln(p.errOut, reminder.Localize(err, p.locale))
	return errorCode(err)
}

// errorCode is the exit code of a command that failed.
func errorCode(err error) int {
	if errors.Is(err, context.Canceled) || reminder.IsTemporary(err) {
		return exitRetry
	}
	return exitConfig
}

// read takes the settings from a file, or from the one that is found.
func (p *program) read(file string) {
	p.environ, p.envFile, p.envErr = setup.Environ(file, p.real)
	if p.envErr != nil {
		p.environ = map[string]string{}
	}
	p.locale = p.environ["APP_LOCALE"]
}

// envFlag finds --env before the command line is parsed, because the language of the help depends on it.
func envFlag(args []string) []string {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.ParseErrorsWhitelist.UnknownFlags = true
	flags.SetOutput(io.Discard)
	flags.BoolP("help", "h", false, "")
	files := flags.StringArray("env", nil, "")
	_ = flags.Parse(args) // a wrong command line is reported by the real parser
	return *files
}

// say returns a text in the user's language.
func (p *program) say(id, en string) string { return reminder.Text{ID: id, EN: en}.In(p.locale) }

// sayf is say with arguments. Both formats take the same ones in the same order.
func (p *program) sayf(id, en string, args ...any) string { return fmt.Sprintf(p.say(id, en), args...) }

// printf prints in the user's language. Both formats take the same arguments in the same order.
func (p *program) printf(id, en string, args ...any) { fmt.Fprintf(p.out, p.say(id, en)+"\n", args...) }

func (p *program) printJSON(v any) error { return json.NewEncoder(p.out).Encode(v) }

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use: "pengingat",
		Short: p.say("Mengingatkan peminjam perpustakaan lewat surel: sekali, tepat waktu, tercatat",
			"Reminds library borrowers by e-mail: once, in time, on record"),
		Long: p.say(`Pengingat membaca pinjaman dari basis data perpustakaan dan mengirim satu surel kepada
setiap peminjam yang bukunya harus atau sudah lewat dikembalikan. Setiap pengingat dicatat,
jadi tidak ada yang dikirim dua kali.

Pengaturan dibaca dari variabel lingkungan dan dari berkas .env (milik Laravel pun bisa).`,
			`Pengingat reads loans from the library's database and sends one e-mail to every borrower whose
book is due or late. Every reminder is on record, so none is sent twice.

Settings come from environment variables and from a .env file (Laravel's will do).`),
		Version:       reminder.Version,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if len(p.envFiles) > 1 && cmd.Name() != "run" {
				return errors.New(p.say("Hanya 'run' menerima beberapa --env; jalankan perintah ini untuk setiap berkas.",
					"Only 'run' takes several --env; give this command once for each file."))
			}
			p.started = true
			return nil
		},
	}
	root.SetOut(p.out)
	root.SetErr(p.errOut)
	root.SetVersionTemplate("pengingat {{.Version}}\n")
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpCommand(&cobra.Command{Hidden: true})
	root.PersistentFlags().StringArray("env", nil, p.say("`BERKAS` pengaturan (bawaan: pengingat.env atau .env, di sini atau di folder program)",
		"settings `FILE` (default: pengingat.env or .env, here or in the program's folder)"))
	root.PersistentFlags().BoolP("help", "h", false, p.say("tampilkan bantuan", "show help"))
	root.Flags().Bool("version", false, p.say("tampilkan versi", "show the version"))
	root.SetUsageTemplate(p.usageTemplate())
	root.AddCommand(p.runCommand(), p.statusCommand(), p.failedCommand(), p.retryCommand(), p.cancelCommand(), p.explainCommand(),
		p.pauseCommand(), p.resumeCommand(), p.closedCommand(), p.optOutCommand(), p.previewCommand(), p.testMailCommand(),
		p.initCommand(), p.doctorCommand(), p.templatesCommand(), p.reportCommand(), p.migrateCommand(), p.pruneCommand(),
		p.quarantineCommand(), p.installCommand(), p.uninstallCommand(), p.serveCommand())
	reflow(root)
	return root
}

// reflow makes the long help texts fit a terminal, paragraph by paragraph. One with an indented line is a table and stays.
func reflow(cmd *cobra.Command) {
	var paragraphs []string
	for paragraph := range strings.SplitSeq(cmd.Long, "\n\n") {
		if !strings.HasPrefix(paragraph, " ") && !strings.Contains(paragraph, "\n ") {
			paragraph = wrap(strings.Join(strings.Fields(paragraph), " "), 0)
		}
		paragraphs = append(paragraphs, paragraph)
	}
	cmd.Long = strings.Join(paragraphs, "\n\n")
	for _, sub := range cmd.Commands() {
		reflow(sub)
	}
}

// usageTemplate is cobra's, shorter and in the user's language.
func (p *program) usageTemplate() string {
	return strings.NewReplacer(
		"USAGE", p.say("Pemakaian:", "Usage:"),
		"COMMAND", p.say("PERINTAH", "COMMAND"),
		"LIST", p.say("Perintah:", "Commands:"),
		"EXAMPLES", p.say("Contoh:", "Examples:"),
		"FLAGS", p.say("Pilihan:", "Options:"),
		"EVERYWHERE", p.say("Pilihan umum:", "Options of every command:"),
	).Replace(`USAGE
  {{if .HasAvailableSubCommands}}{{.CommandPath}} COMMAND{{else}}{{.UseLine}}{{end}}
{{- if .HasAvailableSubCommands}}

LIST
{{- range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}
{{- if .HasExample}}

EXAMPLES
{{.Example}}{{end}}
{{- if .HasAvailableLocalFlags}}

FLAGS
{{.LocalFlags.FlagUsagesWrapped 80 | trimTrailingWhitespaces}}{{end}}
{{- if .HasAvailableInheritedFlags}}

EVERYWHERE
{{.InheritedFlags.FlagUsagesWrapped 80 | trimTrailingWhitespaces}}{{end}}
`)
}

// config loads the configuration with setup.Load, or as much of it as a command needs.
func (p *program) config(load func(map[string]string) (setup.Config, error)) (setup.Config, error) {
	if p.envErr != nil {
		return setup.Config{}, p.unreadableEnv()
	}
	cfg, err := load(p.environ)
	if f, ok := errors.AsType[*reminder.Fault](err); ok && p.envFile == "" {
		f.Text.ID += "\nTidak ada berkas pengaturan yang dibaca: buat dengan 'pengingat init', atau sebutkan .env Laravel dengan --env BERKAS."
		f.Text.EN += "\nNo settings file was read: make one with 'pengingat init', or name Laravel's .env with --env FILE."
	}
	return cfg, err
}

func (p *program) unreadableEnv() error {
	return reminder.NewFault(nil, "Berkas pengaturan (--env) tidak dapat dibaca.\n"+reminder.Localize(p.envErr, "id"),
		"The settings file (--env) cannot be read.\n"+reminder.Localize(p.envErr, "en"))
}

// app loads the configuration and wires it. What a person must know is printed; the log goes to a file.
func (p *program) app() (*setup.App, error) {
	if exe, err := os.Executable(); err == nil && p.environ["LOG_FILE"] == "" {
		p.environ["LOG_FILE"] = filepath.Join(filepath.Dir(exe), "logs", "pengingat.log")
	}
	cfg, err := p.config(setup.Load)
	if err != nil {
		return nil, err
	}
	app, err := setup.New(cfg, p.errOut)
	if err == nil {
		app.Runner.Now = p.machine.now
	}
	return app, err
}

// withApp is the RunE of a command that needs the wired program.
func (p *program) withApp(run func(ctx context.Context, app *setup.App, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		app, err := p.app()
		if err != nil {
			return err
		}
		defer app.Close()
		return run(cmd.Context(), app, args)
	}
}

// usage is the error of a command line that is wrong in a way only the command itself can see.
func (p *program) usage(err error) error {
	p.started = false
	return err
}

// usagef is usage in the user's language. Both formats take the same arguments in the same order.
func (p *program) usagef(id, en string, args ...any) error {
	return p.usage(errors.New(p.sayf(id, en, args...)))
}
