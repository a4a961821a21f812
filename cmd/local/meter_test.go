package main

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/mysql/mysqltest"
)

// TestMeter: on a terminal one line moves and is gone at the end; anywhere else there is none.
func TestMeter(t *testing.T) {
	for _, terminal := range []bool{true, false} {
		var errOut bytes.Buffer
		m := quietMachine
		m.terminal = terminal
		p := &program{errOut: &errOut, machine: m}
		meter := p.meter("run.progress")
		meter.set(0, 51)
		meter.set(12, 0)
		assert.Equal(t, ": 12 dari 51, masih 39,", meter.String(p))
		meter.stop()
		if !terminal {
			assert.Empty(t, errOut.String())
			continue
		}
		assert.Contains(t, errOut.String(), "\rMenghitung")
		assert.NotContains(t, errOut.String(), "\n")
		assert.Regexp(t, `\r +\r$`, errOut.String())
	}
}

// TestRunMoves: what a run tells the meter is what it does.
func TestRunMoves(t *testing.T) {
	db, _, environ := school(t)
	require.Equal(t, exitDone, command(t, environ, "migrate", "--source", "perpustakaan").code)
	for range 3 {
		db.AddLoan(t, mysqltest.Loan{Due: at(t, environ, 0)})
	}
	var list []string
	for key, value := range environ {
		list = append(list, key+"="+value)
	}
	p := &program{errOut: &bytes.Buffer{}, machine: quietMachine, real: list}
	p.read("")
	app, err := p.open()
	require.NoError(t, err)
	defer app.Close()
	var told []string
	app.Runner.Progress = func(ended, of int) { told = append(told, fmt.Sprint(ended, " of ", of)) }
	_, err = app.Runner.Run(t.Context(), reminder.Options{})
	require.NoError(t, err)
	assert.Equal(t, []string{"0 of 3", "1 of 0", "2 of 0", "3 of 0"}, told)
}
