package check

import (
	"context"

	"github.com/mtsn6garut/pengingat/reminder"
	"github.com/mtsn6garut/pengingat/reminder/desk"
)

// classes checks who gets the class lists. It says nothing to a library without classes.
func (x *examination) classes(ctx context.Context) error {
	odd, err := x.store.OddClasses(ctx)
	if err != nil {
		return err
	}
	if x.app.Runner.Settings.ClassDay == nil { // the late loans need not be read
		classes, err := x.store.Classes(ctx)
		if err == nil && len(classes)+len(odd) > 0 {
			x.warn(say("doctor.classes_without_day", "N", len(classes)), "doctor.classes_matter", "doctor.set_class_day")
		}
		return err
	}
	r, err := desk.New(x.app.Runner, x.app.Store).Register(ctx)
	if err != nil {
		return err
	}
	if len(r.Classes) == 0 {
		x.warn(say("doctor.no_classes"), "doctor.classes_matter", "doctor.set_classes")
	}
	var unusable []string
	for _, c := range r.Classes {
		if c.Trouble == reminder.VerdictUnreachable || c.Trouble == reminder.VerdictBadAddress {
			unusable = append(unusable, desk.Plain(c.Name))
		}
	}
	if len(unusable) > 0 {
		x.warn(say("doctor.teachers_unreachable", "N", len(unusable), "Classes", brief(unusable)),
			"doctor.classes_matter", "doctor.set_classes")
	}
	if len(odd) > 0 {
		x.warn(say("doctor.classes_unclear", "N", len(odd), "Classes", brief(odd)), "doctor.classes_matter",
			"doctor.mend_classes")
	}
	late := 0
	for _, o := range r.Others {
		late += o.Late
	}
	if late > 0 && len(x.app.Runner.Settings.SummaryTo) == 0 {
		x.warn(say("doctor.late_on_no_list", "N", late), "doctor.classes_matter", "doctor.set_summary_to")
	}
	x.okUnlessFound("doctor.classes_well", "N", len(r.Classes), "Late", late)
	return nil
}
