package main

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/go-analyze/charts"
)

// A chart is drawn as SVG that stands in the page itself: nothing is loaded, and it prints sharply. The numbers in it stand
// in a table beside it.
type chart struct {
	ID, Title, Description string // of the page's element; what a screen reader says
	Labels                 []string
	Series                 [][]float64 // unknown where it is so
	Colors                 []string
	Horizontal, Percent    bool
	Line, Narrow           bool
}

// unknown is a gap in a line.
var unknown = charts.GetNullValue()

// The page's style makes the letters smaller than chartFont, for which the library leaves room: it cannot know how wide those
// of the reader's system are.
const chartWidth, narrowWidth, chartFont = 760, 380, 12

// svg draws the chart.
func (c chart) svg() (template.HTML, error) {
	width, height := chartWidth, 240
	if c.Narrow {
		width = narrowWidth
	}
	if c.Horizontal {
		height = 48 + 34*len(c.Labels)
	}
	theme := charts.GetTheme(charts.ThemeLight).WithBackgroundColor(charts.ColorTransparent).WithTextColor(charts.ColorFromHex("#4b5a66")).
		WithAxisSplitLineColor(charts.ColorFromHex("#e3e8eb")).WithXAxisColor(charts.ColorFromHex("#9aa7b0")).WithYAxisColor(charts.ColorFromHex("#9aa7b0"))
	colors := make([]charts.Color, len(c.Colors))
	for i, color := range c.Colors {
		colors[i] = charts.ColorFromHex(color)
	}
	theme = theme.WithSeriesColors(colors)
	painter := charts.NewPainter(charts.PainterOptions{OutputFormat: charts.ChartOutputSVG, Width: width, Height: height, Theme: theme})
	top, ticks := c.scale()
	number := func(v float64) string {
		if c.Percent {
			return strconv.Itoa(int(v)) + "%"
		}
		return strconv.Itoa(int(v))
	}
	values := []charts.ValueAxisOption{{
		Min: charts.Ptr(0.0), Max: &top, LabelCount: ticks, ValueFormatter: number, LabelFontStyle: charts.NewFontStyleWithSize(chartFont),
	}}
	names := charts.CategoryAxisOption{Labels: c.Labels, LabelCount: len(c.Labels), LabelFontStyle: charts.NewFontStyleWithSize(chartFont)}
	series := c.Series
	if c.Horizontal { // drawn from below
		names.Labels = slices.Clone(c.Labels)
		slices.Reverse(names.Labels)
		series = [][]float64{slices.Clone(c.Series[0])}
		slices.Reverse(series[0])
	}
	padding, none := charts.NewBox(6, 10, 20, 4), charts.LegendOption{Show: charts.Ptr(false)}
	var err error
	if c.Line {
		o := charts.NewLineChartOptionWithData(series)
		o.Theme, o.Padding, o.XAxis, o.YAxis, o.Legend = theme, padding, names, values, none
		o.Symbol.Shape = charts.SymbolDot
		err = painter.LineChart(o)
	} else {
		o := charts.NewBarChartOptionWithData(series)
		o.Theme, o.Padding, o.CategoryAxis, o.ValueAxis, o.Legend = theme, padding, names, values, none
		o.Horizontal, o.StackSeries, o.BarSize = c.Horizontal, charts.Ptr(true), 0.6
		err = painter.BarChart(o)
	}
	if err != nil {
		return "", fmt.Errorf("draw %s: %w", c.ID, err)
	}
	drawn, err := painter.Bytes()
	if err != nil {
		return "", fmt.Errorf("draw %s: %w", c.ID, err)
	}
	open, rest, _ := strings.Cut(string(drawn), ">")
	text := template.HTMLEscapeString
	// The library escapes the labels; what it draws is ours from there on.
	return template.HTML(fmt.Sprintf(`%[1]s role="img" aria-labelledby="%[2]s-t %[2]s-d"><title id="%[2]s-t">%[3]s</title><desc id="%[2]s-d">%[4]s</desc>%[5]s`,
		open, c.ID, text(c.Title), text(c.Description), rest)), nil
}

// scale returns the end of the value axis and how many numbers stand on it: whole and round ones.
func (c chart) scale() (top float64, ticks int) {
	if c.Percent {
		return 100, 5
	}
	most := 1.0
	for i := range c.Labels {
		sum := 0.0
		for _, s := range c.Series {
			if s[i] != unknown {
				sum += s[i]
			}
		}
		most = max(most, sum)
	}
	step := math.Pow(10, math.Floor(math.Log10(most)))
	for _, part := range []float64{5, 2.5, 2} { // at most five steps, and as few as two
		if smaller := step / part; smaller >= 1 && smaller == math.Trunc(smaller) && most/smaller <= 5 {
			step = smaller
			break
		}
	}
	for most/step > 5 {
		step *= 2
	}
	return step * math.Ceil(most/step), int(math.Ceil(most/step)) + 1
}
