package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mtsn6garut/pengingat/reminder"
)

// root is the table of all commands, in the groups and the order in which the help shows them.
func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "pengingat",
		Short:         p.say("program.short"),
		Long:          p.say("program.long"),
		Version:       reminder.Version,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if len(p.envFiles) > 1 && cmd.Name() != "run" {
				return p.usage("program.several_env")
			}
			return nil
		},
	}
	root.SetOut(p.out)
	root.SetErr(p.errOut)
	root.SetVersionTemplate("pengingat {{.Version}}\n")
	root.PersistentFlags().StringArray("env", nil, p.say("program.env_flag"))
	root.PersistentFlags().BoolP("help", "h", false, p.say("program.show_help"))
	root.Flags().Bool("version", false, p.say("program.show_version"))
	root.SetUsageTemplate(p.usageTemplate())
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return p.flagError(err) })
	help := p.helpCommand(root)
	root.SetHelpCommand(help)
	for _, g := range []struct {
		id       string
		title    reminder.Message
		commands []*cobra.Command
	}{
		{"begin", reminder.Say("program.begin"), []*cobra.Command{
			p.initCommand(), p.migrateCommand(), p.grantsCommand(), p.doctorCommand(), p.previewCommand(), p.testMailCommand(),
			p.installCommand()}},
		{"daily", reminder.Say("program.every_day"), []*cobra.Command{
			p.deskCommand(), p.runCommand(), p.statusCommand(), p.findCommand(), p.explainCommand(), p.failedCommand(),
			p.retryCommand(),
			p.cancelCommand(), p.reportCommand(), p.pauseCommand(), p.resumeCommand(), p.closedCommand(), p.optOutCommand(),
			p.classCommand()}},
		{"seldom", reminder.Say("program.seldom"), []*cobra.Command{
			p.templatesCommand(), p.exportCommand(), p.forgetCommand(), p.pruneCommand(), p.quarantineCommand(),
			p.uninstallCommand(), p.serveCommand(),
			p.completionCommand(), p.guideCommand(), p.versionCommand(), help}},
	} {
		root.AddGroup(&cobra.Group{ID: g.id, Title: p.text(g.title)})
		for _, cmd := range g.commands {
			cmd.GroupID = g.id
			root.AddCommand(cmd)
		}
	}
	p.finish(root)
	return root
}

// finish gives a command and those below it what all have: a text that fits a terminal, and errors in the user's
// language.
func (p *program) finish(cmd *cobra.Command) {
	cmd.Long = reflow(cmd.Long)
	cmd.DisableFlagsInUseLine = true
	cmd.Flags().VisitAll(func(f *pflag.Flag) { // before pflag appends its own word for default
		if kind := f.Value.Type(); kind == "string" && f.DefValue != "" || kind == "int" {
			f.Usage += p.say("program.default", "DefValue", f.DefValue)
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
		"USAGE", p.say("program.usage"),
		"COMMAND", p.say("program.command"),
		"LIST", p.say("program.commands"),
		"ALIASES", p.say("program.also"),
		"EXAMPLES", p.say("program.examples"),
		"FLAGS", p.say("program.options"),
		"EVERYWHERE", p.say("program.options_every_command"),
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
		Use:     p.say("program.help_command"),
		Aliases: []string{"bantuan"},
		Short:   p.say("program.help_short"),
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

func (p *program) completionCommand() *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:       "completion SHELL",
		Short:     p.say("program.completion_short"),
		Long:      p.say("program.completion_long"),
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
			return p.usage("program.not_known_known", "Args", args[0], "Shells", strings.Join(shells, ", "))
		},
	}
}

// A misuse is a command line that is wrong, in the user's language.
type misuse struct{ error }

// usage is the error of a wrong command line.
func (p *program) usage(key string, pairs ...any) error {
	return misuse{errors.New(p.say(key, pairs...))}
}

// args asks for a number of arguments; most is -1 where there may be any number.
func (p *program) args(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return p.usage("program.argument_missing", "UseLine", cmd.UseLine())
		case most >= 0 && len(args) > most:
			return p.usage("program.argument_too_many", "Args", args[most], "UseLine", cmd.UseLine())
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
		return p.usage("program.unknown_command_nearest", "Name", name, "Near", near[0])
	}
	return p.usage("program.there_no_command", "Name", name)
}

// flagError says in the user's language what is wrong with an option.
func (p *program) flagError(err error) error {
	if e, ok := errors.AsType[*pflag.NotExistError](err); ok {
		return p.usage("program.there_no_option", "Dashes", dashes(e.GetSpecifiedName()))
	}
	if e, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return p.usage("program.option_needs_value", "Dashes", dashes(e.GetSpecifiedName()))
	}
	e, ok := errors.AsType[*pflag.InvalidValueError](err)
	if !ok {
		return p.usage("program.option_unreadable")
	}
	wanted := map[string]string{
		"int":  p.say("program.number"),
		"bool": p.say("program.true_or_false"),
	}[e.GetFlag().Value.Type()]
	if wanted == "" {
		wanted = p.say("program.wants_date")
	}
	return p.usage("program.not", "Name", e.GetFlag().Name, "GetValue", e.GetValue(), "Wanted", wanted)
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
	cmd.Flags().BoolVar(&p.asJSON, "json", false, p.say("program.print_as_json"))
	return cmd
}
