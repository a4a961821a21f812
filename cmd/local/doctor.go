package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/check"
	"github.com/mtsn6garut/pengingat/reminder/letter"
	"github.com/mtsn6garut/pengingat/reminder/setup"
)

func (c *call) doctor(ctx context.Context) error {
	found := []finding{}
	c.examine(ctx, c.on("check-version"), func(f check.Finding) {
		c.code = max(c.code, f.Code)
		found = append(found, finding{f.Check, f.Severity, c.text(f.What), c.text(f.Why), c.text(f.Mend), f.Details})
	})
	if c.on("json") {
		return c.printJSON(map[string]any{"version": reminder.Version, "exit_code": c.code, "findings": found})
	}
	c.printFindings(found)
	return nil
}

// A finding is one of package check in the user's language.
type finding struct {
	Check    string         `json:"check"`
	Severity check.Severity `json:"severity"`
	What     string         `json:"what"`
	Why      string         `json:"why,omitempty"`
	Mend     string         `json:"mend,omitempty"`
	Details  string         `json:"details,omitempty"`
}

// examine does all checks of this program and this computer. With ask it also looks for a newer version.
func (p *program) examine(ctx context.Context, ask bool, each func(check.Finding)) {
	m := check.Machine{
		App: p.open, Config: func() (setup.Config, error) { return p.config(setup.LoadDatabase) }, EnvFile: p.envFile,
		Windows: p.machine.os == "windows", Now: p.machine.now, Zone: p.machine.zone, LookupTXT: p.machine.lookupTXT,
		FreeSpace: p.machine.freeSpace, OthersMay: othersMay, LastResult: p.lastResult, OldServices: p.oldServices,
	}
	if ask {
		m.Newest = func(ctx context.Context) (string, error) { return newestRelease(ctx, p.machine.releases) }
	}
	check.Run(ctx, m, each)
}

// printFindings prints the findings for a person. The serious ones come last, where they stay on the screen.
func (p *program) printFindings(all []finding) {
	order := []check.Severity{check.OK, check.Warn, check.Fail}
	marks := map[check.Severity]string{check.OK: "ok", check.Warn: p.say("doctor.word_warn"),
		check.Fail: p.say("doctor.word_fail")}
	count := map[check.Severity]int{}
	slices.SortStableFunc(all, func(a, b finding) int {
		return cmp.Compare(slices.Index(order, a.Severity), slices.Index(order, b.Severity))
	})
	for _, f := range all {
		count[f.Severity]++
		p.item(fmt.Sprintf("%-6s ", marks[f.Severity]), f.What, 7)
		p.item("       ", p.labelled("doctor.why", f.Why), 9)
		p.item("       ", p.labelled("doctor.mend", f.Mend), 9)
		p.item("       ", p.labelled("doctor.details", f.Details), 9)
	}
	if count[check.Warn]+count[check.Fail] == 0 {
		p.print("doctor.all_well")
		return
	}
	p.print("doctor.count", "N", count[check.Fail], "Count", count[check.Warn], "Count2", count[check.OK])
}

// wrap breaks a text at spaces so that it fits a terminal of 80 columns. Lines after the first are indented by indent
// and by the line's own indentation; after "- " by two more.
func wrap(text string, indent int) string {
	lines, margin := strings.Split(text, "\n"), strings.Repeat(" ", indent)
	for i, line := range lines {
		if indent+utf8.RuneCountInString(line) < 80 {
			continue
		}
		rest := strings.TrimLeft(line, " ")
		own := line[:len(line)-len(rest)]
		hanging := margin + own
		if strings.HasPrefix(rest, "- ") {
			hanging += "  "
		}
		lines[i] = own + letter.Fill(rest, indent+len(own), 79, hanging)
	}
	return strings.Join(lines, "\n"+margin)
}

// lastResult asks the system for the exit code of the task's last run.
func (p *program) lastResult(ctx context.Context) (int, error) {
	switch p.machine.os {
	case "windows":
		row, err := p.taskRow(ctx)
		if _, answered := errors.AsType[*exec.ExitError](err); answered {
			return 0, check.ErrNoTask
		}
		if err != nil {
			return 0, err
		}
		return strconv.Atoi(row[6])
	case "linux":
		out, err := p.machine.command(ctx, "systemctl", "show", "-p", "LoadState", "pengingat.timer")
		if err == nil && !strings.Contains(out, "LoadState=loaded") {
			err = check.ErrNoTask
		}
		if err != nil {
			return 0, err
		}
		if out, err = p.machine.command(ctx, "systemctl", "show", "-p", "ExecMainStatus", "pengingat.service"); err != nil {
			return 0, err
		}
		return strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(out, "ExecMainStatus=")))
	}
	return 0, errors.ErrUnsupported
}

// taskRow asks schtasks about the task. The names of the columns depend on the language of Windows, so they are read by
// position: the third is the next run, the seventh the last result.
func (p *program) taskRow(ctx context.Context) ([]string, error) {
	out, err := p.machine.command(ctx, "schtasks", "/query", "/tn", `\`+taskName, "/v", "/fo", "CSV", "/nh")
	if err != nil {
		return nil, err
	}
	r := csv.NewReader(strings.NewReader(out))
	r.FieldsPerRecord, r.LazyQuotes = -1, true
	row, err := r.Read()
	if err == nil && len(row) < 7 {
		err = csv.ErrFieldCount
	}
	return row, err
}

// oldServices are the services with which Laravel sent reminders. deploy/windows/old-services.cmd switches them off.
var oldServices = []string{"LaravelScheduler", "LaravelQueueWorker"}

// oldServices returns those of the services that run.
func (p *program) oldServices(ctx context.Context) (running []string) {
	for _, name := range oldServices {
		if p.machine.os != "windows" {
			break
		}
		if out, err := p.machine.command(ctx, "sc", "query", name); err == nil && strings.Contains(out, "RUNNING") {
			running = append(running, name)
		}
	}
	return running
}
