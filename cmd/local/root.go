package main

import (
	"context"
	_ "embed"
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mtsn6garut/pengingat/reminder"
)

// root builds the command line from the table of commands.
func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:                   "pengingat",
		Short:                 p.say("program.short"),
		Long:                  reflow(p.say("program.long")),
		Version:               reminder.Version,
		SilenceUsage:          true,
		SilenceErrors:         true,
		DisableFlagsInUseLine: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if len(p.envFiles) > 1 && cmd.Name() != "run" {
				return p.usage("program.env_only_once")
			}
			return nil
		},
	}
	root.SetOut(p.out)
	root.SetErr(p.errOut)
	root.SetVersionTemplate("pengingat {{.Version}}\n")
	root.PersistentFlags().StringArray("env", nil, p.say("flag.env"))
	root.PersistentFlags().BoolP("help", "h", false, p.say("flag.help"))
	root.Flags().Bool("version", false, p.say("flag.version"))
	root.SetUsageTemplate(strings.NewReplacer(
		"USAGE", p.say("program.usage"),
		"COMMAND", p.say("program.command"),
		"LIST", p.say("program.commands"),
		"ALIASES", p.say("program.also"),
		"EXAMPLES", p.say("program.examples"),
		"FLAGS", p.say("program.options"),
		"EVERYWHERE", p.say("program.options_every_command"),
	).Replace(usageTemplate))
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return p.flagError(err) })
	for _, g := range commands {
		root.AddGroup(&cobra.Group{ID: g.group, Title: p.text(g.title)})
		var above *cobra.Command
		for _, row := range g.rows {
			cmd := p.command(row)
			if strings.Contains(row.name, " ") {
				above.AddCommand(cmd)
				continue
			}
			above, cmd.GroupID = cmd, g.group
			if row.name == "help" {
				root.SetHelpCommand(cmd)
			}
			root.AddCommand(cmd)
		}
	}
	p.menu(root)
	return root
}

// menu makes a command that only has subcommands show its help.
func (p *program) menu(cmd *cobra.Command) {
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return p.unknown(cmd, args[0])
	}
}

// reflow wraps a long help text to a terminal, paragraph by paragraph. A paragraph with an indented line is a table and
// stays as it is.
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
//
//go:embed usage.txt
var usageTemplate string

func (c *call) help(context.Context) error {
	root := c.cmd.Root()
	cmd, left, err := root.Find(c.args)
	if err != nil || len(left) > 0 {
		return c.unknown(root, c.joined())
	}
	return cmd.Help()
}

func (c *call) completion(context.Context) error {
	switch root := c.cmd.Root(); c.args[0] {
	case "bash":
		return root.GenBashCompletionV2(c.out, true)
	case "zsh":
		return root.GenZshCompletion(c.out)
	case "fish":
		return root.GenFishCompletion(c.out, true)
	case "powershell":
		return root.GenPowerShellCompletionWithDesc(c.out)
	}
	return c.usage("program.unknown_shell", "Args", c.args[0], "Shells", strings.Join(c.cmd.ValidArgs, ", "))
}

// A misuse is a command line that is wrong, in the user's language.
type misuse struct{ error }

// usage is the error of a wrong command line.
func (p *program) usage(key string, pairs ...any) error {
	return misuse{errors.New(p.say(key, pairs...))}
}

// arguments returns an error for a wrong number of arguments.
func (p *program) arguments(n arity) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < n.least:
			return p.usage("program.argument_missing", "UseLine", cmd.UseLine())
		case n.most >= 0 && len(args) > n.most:
			return p.usage("program.argument_too_many", "Args", args[n.most], "UseLine", cmd.UseLine())
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
	return p.usage("program.unknown_command", "Name", name)
}

// flagError says in the user's language what is wrong with an option.
func (p *program) flagError(err error) error {
	if e, ok := errors.AsType[*pflag.NotExistError](err); ok {
		return p.usage("program.unknown_option", "Dashes", dashes(e.GetSpecifiedName()))
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
	return p.usage("program.bad_value", "Name", e.GetFlag().Name, "GetValue", e.GetValue(), "Wanted", wanted)
}

// dashes writes an option as it is typed.
func dashes(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}
