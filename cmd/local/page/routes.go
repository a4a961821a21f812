package page

import "context"

// pages answer GET requests. They change nothing.
func (d *Desk) pages() map[string]func(*visit) error {
	return map[string]func(*visit) error{
		"/{$}": showToday, "/send": showSend, "/troubles": showTroubles, "/start": showStart,
		"/preview": showPreview, "/preview/frame": showFrame,
		"/late": showLate, "/late.csv": showCSV, "/find": showFind,
		"/find.csv": showFoundCSV, "/troubles.csv": showTroublesCSV, "/holidays.csv": showHolidaysCSV,
		"/optouts.csv": showOptOutsCSV,
		"/forget":      showForget, "/export.json": showExport, "/loan": showLoan,
		"/holidays": showHolidays, "/classes": showClasses, "/report": showReport,
		"/report/page": showReportPage, "/check": showCheck,
		"/more": showMore, "/settings": showSettings, "/wording": showWording,
		"/feedback": showFeedback, "/quarantine": showQuarantine,
		"/guide": showGuide, "/grants": showGrants,
		"/": func(*visit) error { return errNotFound },
	}
}

// actions answer POST requests.
func (d *Desk) actions(ctx context.Context) map[string]func(*visit) (action, error) {
	return map[string]func(*visit) (action, error){
		"/language": setLanguage, "/news": dismissNews,
		"/run":   func(v *visit) (action, error) { return run(ctx, v) }, // it outlives the request
		"/pause": pause, "/resume": resume, "/retry": retry, "/settle": settle, "/optout": optOut, "/forget": forget,
		"/contact":  contact,
		"/holidays": closeDays, "/holidays/remove": removeClosure, "/holidays/import": importDays,
		"/holidays/accept": acceptDays,
		"/classes":         setClass, "/classes/remove": removeClass, "/classes/import": importClasses,
		"/classes/accept": acceptClasses,
		"/migrate":        migrate, "/install": install, "/prune": pruneOld, "/quarantine": quarantine, "/release": release,
		"/settings": saveSettings, "/wording": saveWording, "/feedback": switchFeedback,
		"/start/from": startFrom, "/start/database": startDatabase, "/start/prepare": startPrepare, "/start/mail": startMail,
		"/start/arrived": startArrived, "/start/rules": startRules,
	}
}
