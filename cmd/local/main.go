// Command pengingat runs the reminders on the library's own machine. Windows Task Scheduler starts it, as Cloud
// Scheduler calls the function in the cloud. It also has the commands for people: migrate, look, try out.
//
// Each command has a file of its own. What they print is Indonesian or English, as APP_LOCALE says. Exit codes: 0 done;
// 10 done, but something needs a person; 64 wrong usage, also an id or a name that is not there; 75 a retry may help;
// 78 configuration. (Windows shows them as the task's last result, where 1 and 2 would read as errors of Windows.)
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/inconshreveable/mousetrap"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/setup"
	"github.com/mtsn6garut/pengingat/reminder/text"
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
	// The first Ctrl-C or SIGTERM ends a run cleanly: mail in flight is finished and recorded. The second one kills.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	setup.LimitMemory()
	p := &program{in: os.Stdin, out: os.Stdout, errOut: os.Stderr, machine: thisMachine}
	args, clicked := os.Args[1:], len(os.Args) == 1 && mousetrap.StartedByExplorer()
	if clicked { // a double click opens the desk
		args = []string{"desk"}
	}
	code := p.execute(ctx, args, os.Environ())
	if clicked && code != exitDone { // keep the window open until the error has been read
		_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	}
	os.Exit(code)
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
	envErr      error             // why it could not be read; reported when a command needs it
	locale      string

	code int // exit code of a command that ended without an error
}

// execute runs one command line and returns its exit code.
func (p *program) execute(ctx context.Context, args, environ []string) int {
	for i, arg := range args {
		if arg == "/?" || arg == "-?" { // as Windows' own commands take it
			args = slices.Concat(args[:i], []string{"--help"}, args[i+1:])
		}
	}
	p.real, p.envFiles = environ, envFlag(args)
	p.read(slices.Concat(p.envFiles, []string{""})[0])
	cobra.EnableCommandSorting = false // the help shows them in the order of a day
	cobra.MousetrapHelpText = ""       // a double click opens the desk
	root := p.root()
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return p.code
	}
	if _, wrong := errors.AsType[misuse](err); wrong {
		fmt.Fprintf(p.errOut, "%s\n%s\n", wrap(err.Error(), 0), p.say("program.help_hint", "CommandPath", cmd.CommandPath()))
		return exitUsage
	}
	p.complain(err)
	return errorCode(err)
}

// complain prints an error: what is wrong and what to do, then the technical cause.
func (p *program) complain(err error) {
	what, details := p.trouble(err)
	fmt.Fprintln(p.errOut, wrap(what, 0))
	if details != "" {
		fmt.Fprintln(p.errOut, wrap(p.say("program.details")+details, 2))
	}
}

// trouble returns an error in words for a person, and its technical cause.
func (p *program) trouble(err error) (what, details string) {
	said, details := reminder.MessageOf(err)
	return p.text(said), details
}

// errorCode is the exit code of a command that failed.
func errorCode(err error) int {
	if desk.IsAbsent(err) {
		return exitUsage
	}
	if errors.Is(err, context.Canceled) || reminder.IsTemporary(err) {
		return exitRetry
	}
	return exitConfig
}

// read reads the settings from a file, or from the one that is found when file is "".
func (p *program) read(file string) {
	p.environ, p.envFile, p.envErr = setup.Environ(file, p.real)
	if p.envErr != nil {
		p.environ = map[string]string{}
	}
	p.locale = p.environ["APP_LOCALE"]
	for _, pair := range p.real { // also when no file can be read
		if locale, ok := strings.CutPrefix(pair, "APP_LOCALE="); ok {
			p.locale = locale
		}
	}
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

// say returns the sentence of a key in the user's language, with pairs of a blank's name and its value.
func (p *program) say(key string, pairs ...any) string { return text.In(p.locale).Say(key, pairs...) }

// sayAny is say for a sentence that not every command has; without a sentence it returns "".
func (p *program) sayAny(key string, pairs ...any) string {
	if said := p.say(key, pairs...); said != key {
		return said
	}
	return ""
}

// text returns a message in the user's language.
func (p *program) text(m reminder.Message) string { return text.In(p.locale).Text(m) }

// print prints a sentence in the user's language.
func (p *program) print(key string, pairs ...any) { fmt.Fprintln(p.out, wrap(p.say(key, pairs...), 0)) }

// done ends a command: it returns err or, without one, prints a sentence.
func (p *program) done(err error, key string, pairs ...any) error {
	if err == nil {
		p.print(key, pairs...)
	}
	return err
}

// item prints a text after a label and indents its other lines. It prints nothing for an empty text.
func (p *program) item(label, text string, indent int) {
	if text != "" {
		fmt.Fprintln(p.out, label+wrap(text, indent))
	}
}

// labelled puts a label such as "Details: " before a text. It returns "" for an empty text.
func (p *program) labelled(key, text string) string {
	if text == "" {
		return ""
	}
	return p.say(key) + text
}

func (p *program) printJSON(v any) error { return json.NewEncoder(p.out).Encode(v) }

// config loads the configuration with setup.Load, or as much of it as a command needs.
func (p *program) config(load func(map[string]string) (setup.Config, error)) (setup.Config, error) {
	if p.envErr != nil {
		return setup.Config{}, p.unreadableEnv()
	}
	cfg, err := load(p.environ)
	if f, ok := errors.AsType[*reminder.Fault](err); ok && p.envFile == "" {
		f.Message = reminder.Say("program.no_settings_file", "Problem", f.Message)
	}
	return cfg, err
}

func (p *program) unreadableEnv() error {
	return reminder.NewFault(nil, "program.env_unreadable", "EnvErr", p.envErr)
}

// open loads the configuration and wires it. The log goes to a file.
func (p *program) open() (*setup.App, error) {
	if file, err := setup.LogFile(); err == nil && p.environ["LOG_FILE"] == "" {
		p.environ["LOG_FILE"] = file
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
