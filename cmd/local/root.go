package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mtsn6garut/pengingat/reminder"
)

// root is the table of all commands, in the groups and the order in which the help shows them.
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
				return p.usagef("Hanya 'run' menerima beberapa --env; jalankan perintah ini untuk setiap berkas.",
					"Only 'run' takes several --env; give this command once for each file.")
			}
			return nil
		},
	}
	root.SetOut(p.out)
	root.SetErr(p.errOut)
	root.SetVersionTemplate("pengingat {{.Version}}\n")
	root.PersistentFlags().StringArray("env", nil, p.say("`BERKAS` pengaturan (bawaan: pengingat.env atau .env, di sini atau di folder program)",
		"settings `FILE` (default: pengingat.env or .env, here or in the program's folder)"))
	root.PersistentFlags().BoolP("help", "h", false, p.say("tampilkan bantuan", "show help"))
	root.Flags().Bool("version", false, p.say("tampilkan versi", "show the version"))
	root.SetUsageTemplate(p.usageTemplate())
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return p.flagError(err) })
	help := p.helpCommand(root)
	root.SetHelpCommand(help)
	for _, g := range []struct {
		id       string
		title    reminder.Text
		commands []*cobra.Command
	}{
		{"begin", reminder.Text{ID: "Untuk mulai:", EN: "To begin:"}, []*cobra.Command{
			p.initCommand(), p.migrateCommand(), p.doctorCommand(), p.previewCommand(), p.testMailCommand(), p.installCommand()}},
		{"daily", reminder.Text{ID: "Sehari-hari:", EN: "Every day:"}, []*cobra.Command{
			p.deskCommand(), p.runCommand(), p.statusCommand(), p.findCommand(), p.explainCommand(), p.failedCommand(), p.retryCommand(),
			p.cancelCommand(), p.reportCommand(), p.pauseCommand(), p.resumeCommand(), p.closedCommand(), p.optOutCommand()}},
		{"seldom", reminder.Text{ID: "Sesekali:", EN: "Seldom:"}, []*cobra.Command{
			p.templatesCommand(), p.pruneCommand(), p.quarantineCommand(), p.uninstallCommand(), p.serveCommand(),
			p.completionCommand(), p.versionCommand(), help}},
	} {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title.In(p.locale)})
		for _, cmd := range g.commands {
			cmd.GroupID = g.id
			root.AddCommand(cmd)
		}
	}
	p.finish(root)
	return root
}

// finish gives a command and those below it what all have: a text that fits a terminal, and errors in the user's language.
func (p *program) finish(cmd *cobra.Command) {
	cmd.Long = reflow(cmd.Long)
	cmd.DisableFlagsInUseLine = true
	cmd.Flags().VisitAll(func(f *pflag.Flag) { // before pflag appends its own word for default
		if kind := f.Value.Type(); kind == "string" && f.DefValue != "" || kind == "int" {
			f.Usage += p.sayf(" (bawaan: %s)", " (default: %s)", f.DefValue)
			f.DefValue = map[string]string{"int": "0"}[kind]
		}
	})
	switch {
	case cmd.HasSubCommands():
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return p.unknown(cmd, args[0])
		}
	case cmd.Args == nil:
		cmd.Args = p.args(0, 0)
	}
	for _, sub := range cmd.Commands() {
		p.finish(sub)
	}
}

// reflow makes a long help text fit a terminal, paragraph by paragraph. One with an indented line is a table and stays.
func reflow(text string) string {
	var paragraphs []string
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		if !strings.HasPrefix(paragraph, " ") && !strings.Contains(paragraph, "\n ") {
			paragraph = wrap(strings.Join(strings.Fields(paragraph), " "), 0)
		}
		paragraphs = append(paragraphs, paragraph)
	}
	return strings.Join(paragraphs, "\n\n")
}

// usageTemplate is cobra's, shorter and in the user's language.
func (p *program) usageTemplate() string {
	return strings.NewReplacer(
		"USAGE", p.say("Pemakaian:", "Usage:"),
		"COMMAND", p.say("PERINTAH", "COMMAND"),
		"LIST", p.say("Perintah:", "Commands:"),
		"ALIASES", p.say("Nama lain: ", "Also: "),
		"EXAMPLES", p.say("Contoh:", "Examples:"),
		"FLAGS", p.say("Pilihan:", "Options:"),
		"EVERYWHERE", p.say("Pilihan umum:", "Options of every command:"),
	).Replace(`USAGE
  {{if .HasAvailableSubCommands}}{{.CommandPath}} COMMAND{{else}}{{.UseLine}}{{end}}
{{- if .Aliases}}
ALIASES{{range $i, $a := .Aliases}}{{if $i}}, {{end}}{{$a}}{{end}}{{end}}
{{- if and .HasAvailableSubCommands (not .Groups)}}

LIST
{{- range .Commands}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}
{{- range $group := .Groups}}

{{.Title}}
{{- range $.Commands}}{{if eq .GroupID $group.ID}}
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

func (p *program) helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:     p.say("help [PERINTAH]", "help [COMMAND]"),
		Aliases: []string{"bantuan"},
		Short:   p.say("Tampilkan bantuan, juga tentang satu perintah", "Show help, also about one command"),
		Example: "  pengingat help run",
		Args:    p.args(0, -1),
		RunE: func(_ *cobra.Command, args []string) error {
			cmd, left, err := root.Find(args)
			if err != nil || len(left) > 0 {
				return p.unknown(root, strings.Join(args, " "))
			}
			return cmd.Help()
		},
	}
}

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Aliases: []string{"versi"},
		Short:   p.say("Tampilkan versi program", "Show the program's version"),
		Example: "  pengingat version",
		RunE: func(*cobra.Command, []string) error {
			fmt.Fprintln(p.out, "pengingat", reminder.Version)
			return nil
		},
	}
}

func (p *program) completionCommand() *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: p.say("Cetak skrip yang melengkapi perintah dengan Tab", "Print the script that completes commands with Tab"),
		Long: p.say("Mencetak skrip untuk bash, zsh, fish atau powershell. Sesudah skrip itu dimuat, tombol Tab melengkapi perintah dan pilihan.",
			"Prints the script for bash, zsh, fish or powershell. Once it is loaded, Tab completes commands and options."),
		Example:   "  pengingat completion bash > pengingat.bash\n  pengingat completion powershell | Out-String | Invoke-Expression",
		Args:      p.args(1, 1),
		ValidArgs: shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch root := cmd.Root(); args[0] {
			case "bash":
				return root.GenBashCompletionV2(p.out, true)
			case "zsh":
				return root.GenZshCompletion(p.out)
			case "fish":
				return root.GenFishCompletion(p.out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(p.out)
			}
			return p.usagef("%q tidak dikenal; yang dikenal: %s", "%q is not known; known are: %s", args[0], strings.Join(shells, ", "))
		},
	}
}

// A misuse is a command line that is wrong, in the user's language.
type misuse struct{ error }

// usagef is the error of a wrong command line. Both formats take the same arguments in the same order.
func (p *program) usagef(id, en string, args ...any) error {
	return misuse{errors.New(p.sayf(id, en, args...))}
}

// An absence is an id or a name for which there is nothing, so that nothing was done.
type absence struct{ *reminder.Fault }

// Unwrap returns the Fault.
func (a absence) Unwrap() error { return a.Fault }

// absent is the error of an id or a name that is not there. Both formats take the same arguments in the same order.
func (p *program) absent(id, en string, args ...any) error {
	return absence{reminder.NewFault(nil, fmt.Sprintf(id, args...), fmt.Sprintf(en, args...))}
}

// args asks for a number of arguments; most is -1 where there may be any number.
func (p *program) args(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return p.usagef("Ada yang kurang. Bentuknya: %s", "Something is missing. Its form: %s", cmd.UseLine())
		case most >= 0 && len(args) > most:
			return p.usagef("%q berlebih. Bentuknya: %s", "%q is too much. Its form: %s", args[most], cmd.UseLine())
		}
		return nil
	}
}

// unknown is the error of a command that does not exist.
func (p *program) unknown(cmd *cobra.Command, name string) error {
	if cmd.SuggestionsMinimumDistance <= 0 {
		cmd.SuggestionsMinimumDistance = 2
	}
	if near := cmd.SuggestionsFor(name); len(near) > 0 {
		return p.usagef("Perintah %q tidak ada. Maksudnya %q?", "There is no command %q. Did you mean %q?", name, near[0])
	}
	return p.usagef("Perintah %q tidak ada.", "There is no command %q.", name)
}

// flagError says in the user's language what is wrong with an option.
func (p *program) flagError(err error) error {
	if e, ok := errors.AsType[*pflag.NotExistError](err); ok {
		return p.usagef("Pilihan %s tidak ada.", "There is no option %s.", dashes(e.GetSpecifiedName()))
	}
	if e, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return p.usagef("Pilihan %s memerlukan isi.", "The option %s needs a value.", dashes(e.GetSpecifiedName()))
	}
	e, ok := errors.AsType[*pflag.InvalidValueError](err)
	if !ok {
		return p.usagef("Pilihan itu tidak dapat dibaca.", "That option cannot be read.")
	}
	wanted := map[string]string{
		"int":  p.say("angka", "a number"),
		"bool": p.say("true atau false", "true or false"),
	}[e.GetFlag().Value.Type()]
	if wanted == "" {
		wanted = p.say("tanggal seperti 2026-12-01", "a date such as 2026-12-01")
	}
	return p.usagef("--%s: %q bukan %s.", "--%s: %q is not %s.", e.GetFlag().Name, e.GetValue(), wanted)
}

// dashes writes an option as it is typed.
func dashes(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// jsonFlag gives a command --json.
func (p *program) jsonFlag(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().BoolVar(&p.asJSON, "json", false, p.say("cetak sebagai JSON", "print as JSON"))
	return cmd
}
