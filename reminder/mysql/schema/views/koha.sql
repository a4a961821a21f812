-- Open loans of Koha. What its versions name differently, or have not, is looked up in the database.
--
-- An issue is a loan that is out; a return moves it to old_issues. A loan by the day is due at 23:59 of it, one by the hour
-- at its hour. The address follows Koha's own choice: one field, the first that is filled, or several, of which the first
-- is taken. A patron without one is reached through a guarantor where Koha redirects notices.
-- Where Koha redirects notices, that guarantor is the guardian, who wants what Koha's overdue rules say about the patron.
-- borrower_type is the type of the category or, in its description, the word for teacher, student or staff.
-- wants has what the patron chose in Koha for mail before the due date and on it, and from how many days late Koha's
-- overdue rules say something by e-mail: those of the branch, or the default ones of a branch that has none. MERGE must be
-- asked for: else MySQL computes a view with subqueries whole for every question.
-- Needs Koha 3.22: issues.issue_id issues.borrowernumber issues.itemnumber issues.date_due issues.issuedate
-- issues.branchcode issues.returndate borrowers.borrowernumber borrowers.firstname borrowers.surname borrowers.email
-- borrowers.emailpro borrowers.B_email borrowers.branchcode borrowers.categorycode categories.overduenoticerequired categories.description
-- items.barcode items.biblionumber items.itemlost biblio.title branches.branchname branches.branchemail systempreferences.value
-- Index: issues (date_due)
{{- define "branch"}}CASE origin.value WHEN 'patron-homebranch' THEN b.branchcode
                    {{- if has "items.homebranch"}} WHEN 'item-homebranch' THEN it.homebranch{{end}} ELSE i.branchcode END{{end}}
{{- define "rules"}}r.delay1 IS NOT NULL AND r.categorycode = b.categorycode AND (r.branchcode = {{template "branch"}} OR r.branchcode = ''
                    AND NOT EXISTS (SELECT 1 FROM overduerules o WHERE o.delay1 IS NOT NULL AND o.branchcode = {{template "branch"}})){{end}}
{{- define "choice"}}CASE COALESCE(NULLIF(field.value, ''), NULLIF(oldfield.value, ''), 'OFF')
            WHEN 'OFF' THEN COALESCE(NULLIF(precedence.value, ''), 'email|emailpro|B_email')
            WHEN 'MULTI' THEN REPLACE(selection.value, ',', '|')
            ELSE COALESCE(field.value, oldfield.value) END{{end}}
{{- define "email"}}COALESCE(
{{- $who := .}}{{range $i, $n := list "1" "2" "3"}}{{if $i}},{{end}}
        CASE TRIM(SUBSTRING_INDEX(SUBSTRING_INDEX({{template "choice"}}, '|', {{$n}}), '|', -1))
            WHEN 'email' THEN NULLIF(TRIM({{$who}}.email), '') WHEN 'emailpro' THEN NULLIF(TRIM({{$who}}.emailpro), '')
            WHEN 'B_email' THEN NULLIF(TRIM({{$who}}.B_email), '')
            {{- if has "borrowers.cardnumber"}} WHEN 'cardnumber' THEN NULLIF(TRIM({{$who}}.cardnumber), ''){{end}} END
{{- end}}){{end}}
{{- define "late"}}CASE WHEN c.overduenoticerequired = 1 THEN
{{- if has "overduerules_transport_types.overduerules_id"}}
            (SELECT CONCAT('+', MIN(CASE t.letternumber WHEN 1 THEN r.delay1 WHEN 2 THEN r.delay2 ELSE r.delay3 END))
                FROM overduerules r
                JOIN overduerules d ON d.categorycode = r.categorycode AND d.branchcode IN (r.branchcode, '')
                JOIN overduerules_transport_types t ON t.overduerules_id = d.overduerules_id AND t.message_transport_type = 'email'
                WHERE {{template "rules"}}
                    AND CASE t.letternumber WHEN 1 THEN r.letter1 WHEN 2 THEN r.letter2 ELSE r.letter3 END <> ''
                    AND (d.overduerules_id = r.overduerules_id OR NOT EXISTS (SELECT 1 FROM overduerules_transport_types o
                        WHERE o.overduerules_id = r.overduerules_id AND o.letternumber = t.letternumber)))
{{- else if has "overduerules"}}
            (SELECT CONCAT('+', MIN(CASE WHEN r.letter1 <> '' THEN r.delay1 WHEN r.letter2 <> '' THEN r.delay2
                WHEN r.letter3 <> '' THEN r.delay3 END)) FROM overduerules r WHERE {{template "rules"}})
{{- else}} '+'
{{- end}} END{{end}}
{{- define "patron"}}TRIM(CONCAT_WS(' ', {{if has "borrowers.preferred_name"}}COALESCE(NULLIF({{.}}.preferred_name, ''), {{.}}.firstname){{else}}{{.}}.firstname{{end}}, {{.}}.surname)){{end}}
{{- define "guarantor"}}FROM borrower_relationships r JOIN borrowers g ON g.borrowernumber = r.guarantor_id
            WHERE r.guarantee_id = i.borrowernumber AND {{template "email" "g"}} <> '' ORDER BY r.id LIMIT 1{{end}}
CREATE OR REPLACE ALGORITHM = MERGE SQL SECURITY DEFINER VIEW reminder_loans AS
SELECT
    i.issue_id       AS loan_id,
    i.borrowernumber AS borrower_id,
    {{template "patron" "b"}} AS borrower_name,
    {{if has "borrower_relationships"}}COALESCE({{template "email" "b"}}, CASE WHEN redirect.value IN ('1', 'yes') THEN
        (SELECT {{template "email" "g"}} {{template "guarantor" .}}) END){{else}}{{template "email" "b"}}{{end}} AS email,
    TRIM(CONCAT_WS(' ', bib.title{{range list "subtitle" "part_number" "part_name"}}{{if has (print "biblio." .)}}, bib.{{.}}{{end}}{{end}})) AS title,
    i.date_due       AS due_at,
    it.barcode       AS item_code,
    i.issuedate      AS borrowed_at,
    br.branchname    AS group_name,
    {{if has "borrowers.lang"}}NULLIF(b.lang, 'default'){{else}}NULL{{end}} AS language,
    CASE
        WHEN b.borrowernumber IS NULL THEN 'borrower_deleted'
{{- if has "borrowers.anonymized"}}
        WHEN b.anonymized = 1 THEN 'anonymized'
{{- end}}
        WHEN it.itemlost <> 0 THEN 'lost'
{{- if has "issues.onsite_checkout"}}
        WHEN i.onsite_checkout = 1 THEN 'onsite'
{{- end}}
{{- if has "return_claims.issue_id"}}
        WHEN EXISTS (SELECT 1 FROM return_claims rc WHERE rc.issue_id = i.issue_id AND rc.resolution IS NULL
            {{- if has "return_claims.resolved_on"}} AND rc.resolved_on IS NULL{{end}}) THEN 'claims_returned'
{{- end}}
    END              AS hold_reason,
    CONCAT_WS(',', 'none',
{{- if has "borrower_message_preferences"}}
        (SELECT CONCAT('-', MAX(p.days_in_advance)) FROM borrower_message_preferences p
            JOIN message_attributes a ON a.message_attribute_id = p.message_attribute_id AND a.message_name = 'Advance_notice'
            JOIN borrower_message_transport_preferences t
                ON t.borrower_message_preference_id = p.borrower_message_preference_id AND t.message_transport_type = 'email'
            WHERE p.borrowernumber = i.borrowernumber),
        (SELECT MAX('0') FROM borrower_message_preferences p
            JOIN message_attributes a ON a.message_attribute_id = p.message_attribute_id AND a.message_name = 'Item_due'
            JOIN borrower_message_transport_preferences t
                ON t.borrower_message_preference_id = p.borrower_message_preference_id AND t.message_transport_type = 'email'
            WHERE p.borrowernumber = i.borrowernumber),
{{- else}}
        '-365,0',
{{- end}}
        {{template "late" .}}) AS wants,
    i.branchcode     AS calendar,
{{- if has "categories.category_type"}}
    CASE c.category_type WHEN 'C' THEN 'student' WHEN 'S' THEN 'staff' ELSE {{typeOf "c.description"}} END AS borrower_type,
{{- else}}
    {{typeOf "c.description"}} AS borrower_type,
{{- end}}
{{- if has "borrower_relationships"}}
    CASE WHEN redirect.value IN ('1', 'yes') THEN (SELECT {{template "email" "g"}} {{template "guarantor" .}}) END AS guardian_email,
    CASE WHEN redirect.value IN ('1', 'yes') THEN (SELECT {{template "patron" "g"}} {{template "guarantor" .}}) END AS guardian_name,
    CASE WHEN redirect.value IN ('1', 'yes') THEN {{template "late" .}} END AS guardian_wants,
{{- end}}
    br.branchemail   AS from_address,
    {{if has "branches.branchreplyto"}}br.branchreplyto{{else}}NULL{{end}} AS reply_to
FROM issues i
LEFT JOIN borrowers b ON b.borrowernumber = i.borrowernumber
LEFT JOIN categories c ON c.categorycode = b.categorycode
LEFT JOIN items it ON it.itemnumber = i.itemnumber
LEFT JOIN biblio bib ON bib.biblionumber = it.biblionumber
LEFT JOIN branches br ON br.branchcode = i.branchcode
LEFT JOIN systempreferences field ON field.variable = 'EmailFieldPrimary'
LEFT JOIN systempreferences oldfield ON oldfield.variable = 'AutoEmailPrimaryAddress'
LEFT JOIN systempreferences precedence ON precedence.variable = 'EmailFieldPrecedence'
LEFT JOIN systempreferences selection ON selection.variable = 'EmailFieldSelection'
LEFT JOIN systempreferences redirect ON redirect.variable = 'RedirectGuaranteeEmail'
LEFT JOIN systempreferences origin ON origin.variable = 'OverdueNoticeFrom'
WHERE i.returndate IS NULL;

-- Koha's calendar, by branch. Its weekday 0 is Sunday. An exception opens the library on one day.
CREATE OR REPLACE SQL SECURITY DEFINER VIEW reminder_source_closed_days AS
{{- if has "library_weekly_closures"}}
SELECT library_id AS calendar, ELT(weekday + 1, 'sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat') AS day, 0 AS is_open, '' AS name
FROM library_weekly_closures
UNION ALL
SELECT library_id, CONCAT(LPAD(month, 2, '0'), '-', LPAD(day, 2, '0')), 0, {{if has "library_repeating_closures.title"}}title{{else}}''{{end}}
FROM library_repeating_closures
UNION ALL
SELECT library_id, CAST(date AS CHAR(10)), 0, {{if has "library_single_closures.title"}}title{{else}}''{{end}}
FROM library_single_closures
UNION ALL
SELECT library_id, CAST(date AS CHAR(10)), 1, ''
FROM library_closure_exceptions;
{{- else}}
SELECT branchcode AS calendar,
    CASE WHEN weekday IS NULL THEN CONCAT(LPAD(month, 2, '0'), '-', LPAD(day, 2, '0'))
        ELSE ELT(weekday + 1, 'sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat') END AS day,
    0 AS is_open, title AS name
FROM repeatable_holidays
UNION ALL
SELECT branchcode, CONCAT(LPAD(year, 4, '0'), '-', LPAD(month, 2, '0'), '-', LPAD(day, 2, '0')), isexception, title
FROM special_holidays;
{{- end}}
