-- Open loans of Koha. What its versions name differently, or have not, is looked up in the database.
--
-- An issue is a loan that is out; a return moves it to old_issues. A loan by the day is due at 23:59 of it, one by the hour
-- at its hour. The address follows Koha's own choice (EmailFieldPrimary, which was AutoEmailPrimaryAddress).
-- wants has what the patron chose in Koha for mail before the due date and on it, and, by category, whether overdue
-- notices are wanted at all. MERGE must be asked for: else MySQL computes a view with subqueries whole for every question.
-- Index: issues (date_due)
CREATE OR REPLACE ALGORITHM = MERGE SQL SECURITY DEFINER VIEW reminder_loans AS
SELECT
    i.issue_id       AS loan_id,
    i.borrowernumber AS borrower_id,
    TRIM(CONCAT_WS(' ', {{if has "borrowers.preferred_name"}}COALESCE(NULLIF(b.preferred_name, ''), b.firstname){{else}}b.firstname{{end}}, b.surname)) AS borrower_name,
    CASE COALESCE(field.value, oldfield.value)
        WHEN 'email' THEN b.email
        WHEN 'emailpro' THEN b.emailpro
        WHEN 'B_email' THEN b.B_email
        ELSE COALESCE(NULLIF(TRIM(b.email), ''), NULLIF(TRIM(b.emailpro), ''), NULLIF(TRIM(b.B_email), ''))
    END              AS email,
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
{{- if has "borrower_message_preferences"}}
    CONCAT_WS(',', 'none',
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
        CASE WHEN c.overduenoticerequired = 1 THEN '+' END) AS wants,
{{- else}}
    CASE WHEN c.overduenoticerequired = 1 THEN NULL ELSE '-365,0' END AS wants,
{{- end}}
    i.branchcode     AS calendar,
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
