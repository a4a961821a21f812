package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mtsn6garut/pengingat/mail"
	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
	"github.com/mtsn6garut/pengingat/reminder/mysql/schema"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

// An entry is a row of the table of commands. Its texts stand in the catalogues under its name: usage.closed_add_short
// and, where there are any, _long and _arguments. The text of a flag is flag.closed_import_NAME, or flag.NAME where
// several commands have the same flag.
type entry struct {
	name    string // as it is typed, with the command above it
	alias   string // in Indonesian
	args    arity
	flags   []option
	words   []string // possible arguments, for completion
	example string
	do      func(*call, context.Context) error // nil: it only has commands below it
	bare    bool                               // it works without complete settings
}

// An arity is how many arguments a command takes; most is -1 for any number.
type arity struct{ least, most int }

var (
	one  = arity{1, 1}
	some = arity{1, -1}
	free = arity{0, -1}
)

// An option is a flag; it has the type of its value, which is its default.
type option struct {
	name  string
	value any
}

// An alone is the value of a flag that is typed without one.
type alone string

// commands is the table of all commands, in the groups and the order in which the help shows them.
var commands = []struct {
	group string
	title reminder.Message
	rows  []entry
}{
	{"begin", reminder.Say("program.group_begin"), []entry{
		{name: "init", do: (*call).initialize, bare: true,
			flags: []option{{"from-env", ""}, {"set", []string(nil)}, {"out", ""}, {"yes", false}, {"no-test", false},
				{"force", false}},
			example: "init --from-env D:\\web\\perpustakaan\\.env\ninit --yes --from-env .env --set MAIL_DAILY_LIMIT=400"},
		{name: "migrate", do: (*call).migrate, bare: true,
			flags: []option{{"source", ""}, {"view", ""}, {"print", false}, {"print-template", false}},
			example: "migrate --source perpustakaan\nmigrate --source slims --print\n" +
				"migrate --source custom --print-template > view.sql\nmigrate --source custom --view view.sql"},
		{name: "grants", do: (*call).grants, bare: true, flags: []option{{"print", false}, {"create-password", false}},
			example: "grants --print --create-password > grants.sql"},
		{name: "doctor", alias: "periksa", do: (*call).doctor, bare: true,
			flags: []option{{"check-version", false}, {"json", false}}, example: "doctor\ndoctor --json\ndoctor --check-version"},
		{name: "preview", alias: "lihat", do: (*call).preview,
			flags:   []option{{"out", "pratinjau"}, {"date", reminder.Date{}}, {"loan", ""}},
			example: "preview --out pratinjau\npreview --date 2026-12-01\npreview --loan 1234"},
		{name: "test-mail", do: (*call).testMail, flags: []option{{"to", ""}, {"loan", ""}},
			example: "test-mail --to pustakawan@sekolah.sch.id"},
		{name: "install", do: (*call).install, bare: true,
			flags:   []option{{"print", alone(taskName)}, {"dry-run", false}, {"for", ""}},
			example: "install --env D:\\web\\TA\\perpustakaan\\.env\ninstall --dry-run\ninstall --print > pengingat.xml"},
	}},
	{"daily", reminder.Say("program.group_daily"), []entry{
		{name: "desk", alias: "meja", do: (*call).serveDesk, bare: true, flags: []option{{"no-browser", false}},
			example: "desk\ndesk --no-browser"},
		{name: "run", alias: "kirim", do: (*call).run, bare: true,
			flags: []option{{"dry-run", false}, {"only-to", ""}, {"approve", false}, {"now", false}, {"json", false}},
			example: "run\nrun --dry-run\nrun --only-to saya@sekolah.sch.id\nrun --now --json\n" +
				"run --env smp.env --env sma.env"},
		{name: "status", do: (*call).status, flags: []option{{"json", false}}, example: "status\nstatus --json"},
		{name: "find", alias: "cari", args: some, do: (*call).find, flags: []option{{"json", false}},
			example: "find aisyah\nfind PJM-00123"},
		{name: "explain", alias: "jelaskan", args: some, do: (*call).explain, flags: []option{{"json", false}},
			example: "explain PJM-00123\nexplain \"Aisyah Putri\""},
		{name: "failed", alias: "gagal", do: (*call).failed, flags: []option{{"json", false}},
			example: "failed\nfailed --json"},
		{name: "retry", alias: "ulangi", args: free, do: (*call).retry,
			flags:   []option{{"failed", false}, {"refused", false}, {"unknown", false}, {"bounced", false}},
			example: "retry 12 15\nretry --refused"},
		{name: "cancel", alias: "batal", args: some, do: (*call).cancel, example: "cancel 12 15"},
		{name: "report", alias: "laporan", do: (*call).report,
			flags: []option{{"out", "report.html"}, {"open", false}, {"days", 30}, {"from", reminder.Date{}},
				{"to", reminder.Date{}}},
			example: "report --open\nreport --days 90 --out laporan.html\nreport --from 2026-07-13 --to 2026-12-18"},
		{name: "pause", alias: "jeda", args: free, do: (*call).pause, flags: []option{{"until", ""}},
			example: "pause --until 2026-12-07 \"ujian akhir\""},
		{name: "resume", alias: "lanjut", do: (*call).resume, example: "resume"},
		{name: "closed", alias: "libur"},
		{name: "closed add", args: some, do: (*call).closedAdd,
			example: "closed add 25 Desember 2026 Natal\nclosed add 2026-12-21..2027-01-02 \"Libur semester\""},
		{name: "closed import", args: one, do: (*call).closedImport, flags: []option{{"observances", false}, {"json", false}},
			example: "closed import kalender-pendidikan.ics\nclosed import libur.csv"},
		{name: "closed list", do: (*call).closedList, flags: []option{{"json", false}}, example: "closed list"},
		{name: "closed remove", args: some, do: (*call).closedRemove, example: "closed remove 2026-12-25"},
		{name: "optout"},
		{name: "optout add", args: some, do: (*call).optOutAdd, flags: []option{{"guardian", false}},
			example: "optout add 1234\noptout add --guardian ibu@example.org"},
		{name: "optout list", do: (*call).optOutList, flags: []option{{"json", false}}, example: "optout list"},
		{name: "optout remove", args: some, do: (*call).optOutRemove, flags: []option{{"guardian", false}},
			example: "optout remove 1234"},
		{name: "class", alias: "kelas"},
		{name: "class set", args: some, do: (*call).classSet, flags: []option{{"to", ""}, {"name", ""}},
			example: "class set 7A --to rina@sekolah.sch.id --name \"Rina Marlina, M.Pd.\""},
		{name: "class list", do: (*call).classList, flags: []option{{"json", false}}, example: "class list"},
		{name: "class remove", args: some, do: (*call).classRemove, example: "class remove 7A"},
		{name: "class import", args: one, do: (*call).classImport, flags: []option{{"dry-run", false}, {"json", false}},
			example: "class import wali-kelas.csv --dry-run\nclass import wali-kelas.csv"},
	}},
	{"seldom", reminder.Say("program.group_seldom"), []entry{
		{name: "templates"},
		{name: "templates export", args: one, do: (*call).templatesExport, bare: true,
			example: "templates export kata-kata"},
		{name: "export", alias: "salinan", args: some, do: (*call).export, flags: []option{{"guardian", false}},
			example: "export 1234\nexport siswa@sekolah.sch.id > siswa.json"},
		{name: "forget", alias: "lupakan", args: some, do: (*call).forget,
			flags: []option{{"guardian", false}, {"yes", false}}, example: "forget 1234\nforget siswa@sekolah.sch.id --yes"},
		{name: "prune", do: (*call).prune, flags: []option{{"older-than", ""}, {"dry-run", false}, {"json", false}},
			example: "prune --dry-run\nprune --older-than 400d"},
		{name: "quarantine", do: (*call).quarantine, flags: []option{{"before", ""}, {"yes", false}, {"undo", false}},
			example: "quarantine --before 2026-11-24\nquarantine --undo"},
		{name: "uninstall", do: (*call).uninstall, bare: true, flags: []option{{"dry-run", false}}, example: "uninstall"},
		{name: "serve", do: (*call).serve, bare: true, flags: []option{{"port", 8080}},
			example: "serve --port 8080\n>curl -X POST http://127.0.0.1:8080/"},
		{name: "completion", args: one, words: []string{"bash", "zsh", "fish", "powershell"}, do: (*call).completion,
			bare: true, example: "completion bash > pengingat.bash\n" +
				"completion powershell | Out-String | Invoke-Expression"},
		{name: "guide", alias: "panduan", do: (*call).guide, bare: true, flags: []option{{"out", ""}},
			example: "guide\nguide --out panduan.html"},
		{name: "version", alias: "versi", do: (*call).version, bare: true, flags: []option{{"json", false}},
			example: "version\nversion --json"},
		{name: "help", alias: "bantuan", args: free, do: (*call).help, bare: true, example: "help run"},
	}},
}

// A call is one execution of a command.
type call struct {
	*program
	desk.Desk            // the zero Desk in a bare command
	app       *setup.App // nil in a bare command
	cmd       *cobra.Command
	args      []string
}

// command builds a command from its entry.
func (p *program) command(row entry) *cobra.Command {
	key := strings.NewReplacer(" ", "_", "-", "_").Replace(row.name)
	words := strings.Fields(row.name)
	cmd := &cobra.Command{
		Use:       strings.TrimSpace(words[len(words)-1] + " " + p.sayAny("usage."+key+"_arguments")),
		Short:     p.say("usage." + key + "_short"),
		Long:      reflow(p.sayAny("usage." + key + "_long")),
		Args:      p.arguments(row.args),
		ValidArgs: row.words,

		DisableFlagsInUseLine: true,
	}
	if row.alias != "" {
		cmd.Aliases = []string{row.alias}
	}
	if row.do == nil {
		p.menu(cmd)
		return cmd
	}
	cmd.Example = "  pengingat " + strings.ReplaceAll(row.example, "\n", "\n  pengingat ")
	cmd.Example = strings.ReplaceAll(cmd.Example, "pengingat >", "") // a line for another program
	for _, f := range row.flags {
		name := strings.ReplaceAll(f.name, "-", "_")
		text := p.sayAny("flag."+key+"_"+name, "Sources", strings.Join(schema.Sources(), ", "))
		if text == "" {
			text = p.say("flag." + name)
		}
		p.define(cmd.Flags(), f, text)
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c := &call{program: p, cmd: cmd, args: args}
		if !row.bare {
			app, err := p.open()
			if err != nil {
				return err
			}
			defer app.Close()
			c.app, c.Desk = app, newDesk(app)
		}
		return row.do(c, cmd.Context())
	}
	return cmd
}

func (p *program) define(flags *pflag.FlagSet, f option, text string) {
	switch value := f.value.(type) {
	case bool:
		flags.Bool(f.name, value, text)
	case int:
		flags.Int(f.name, value, text)
	case string:
		flags.String(f.name, value, text)
	case alone:
		flags.String(f.name, "", text)
		flags.Lookup(f.name).NoOptDefVal = string(value)
	case []string:
		flags.StringArray(f.name, value, text)
	case reminder.Date:
		flags.TextVar(new(reminder.Date), f.name, value, text)
	}
	defined := flags.Lookup(f.name)
	if kind := defined.Value.Type(); kind == "string" && defined.DefValue != "" || kind == "int" {
		defined.Usage += p.say("program.default", "DefValue", defined.DefValue)
		defined.DefValue = map[string]string{"int": "0"}[kind] // pflag would append a word of its own
	}
}

// flag returns the value of a flag as text; on reports whether a flag of type bool is set.
func (c *call) flag(name string) string { return c.cmd.Flags().Lookup(name).Value.String() }

func (c *call) on(name string) bool {
	on, _ := c.cmd.Flags().GetBool(name)
	return on
}

// number and date return the value of a flag of that type.
func (c *call) number(name string) int {
	n, _ := c.cmd.Flags().GetInt(name)
	return n
}

func (c *call) date(name string) (d reminder.Date) {
	_ = c.cmd.Flags().GetText(name, &d)
	return d
}

// joined returns the arguments as one text.
func (c *call) joined() string { return strings.Join(c.args, " ") }

// today is the day of the run's clock in the library's zone.
func (c *call) today() reminder.Date { return reminder.DateOf(c.Runner.Now(), c.Runner.Settings.Zone) }

// person finds the borrower that the arguments name or, with --guardian and an address, a guardian: the id by which
// records know them, and how a person calls them.
func (c *call) person(ctx context.Context) (id, whom string, err error) {
	key := c.joined()
	if !c.on("guardian") {
		b, err := c.Borrower(ctx, key)
		return b.ID, c.whom(b), err
	}
	addr, err := mail.ParseAddress(key)
	if err != nil {
		return "", "", c.usage("class.bad_address", "Address", key)
	}
	return reminder.GuardianID(addr.Addr), c.say("people.guardian", "Address", addr.Addr), nil
}
