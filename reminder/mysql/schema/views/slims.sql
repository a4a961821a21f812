-- Open loans of SLiMS (Senayan; tables loan, member, item, biblio, holiday), versions 5 to 9.
--
-- Its tables have no foreign keys, so a loan may outlive its member and its book. They may be MyISAM, and after upgrades
-- their collations may differ: same says how two columns are compared without losing the index of the second one.
-- Due dates come from loan: the copy in loan_history is not renewed. member_mail_address is a postal address.
-- A member whose membership is pending still has the book, and SLiMS mails them too.
-- borrower_type is what the name of the member type says: Guru, Siswa, Staf; nothing for Standard.
-- A fine is not told: it depends on the grace period, the holidays and the loan's rule.
-- Needs SLiMS 5: loan.loan_id loan.member_id loan.item_code loan.loan_date loan.due_date loan.is_lent loan.is_return
-- member.member_id member.member_name member.member_email item.item_code item.biblio_id item.item_status_id biblio.biblio_id biblio.title
-- Index: loan (is_lent, is_return, due_date)
CREATE OR REPLACE ALGORITHM = MERGE SQL SECURITY DEFINER VIEW reminder_loans AS
SELECT
    l.loan_id           AS loan_id,
    l.member_id         AS borrower_id,
    m.member_name       AS borrower_name,
    m.member_email      AS email,
    b.title             AS title,
    l.due_date          AS due_at,
    l.item_code         AS item_code,
    l.loan_date         AS borrowed_at,
    {{if has "mst_member_type"}}t.member_type_name{{else}}NULL{{end}} AS group_name,
    CASE
        WHEN m.member_id IS NULL THEN 'member_deleted'
        WHEN i.item_status_id = 'MIS' THEN 'lost'
    END                 AS hold_reason,
    NULL                AS calendar
    {{- if has "mst_member_type"}},
    {{typeOf "t.member_type_name"}} AS borrower_type
    {{- end}}
FROM loan l
LEFT JOIN member m ON {{same "loan.member_id" "l" "member.member_id" "m"}}
{{- if has "mst_member_type"}}
LEFT JOIN mst_member_type t ON t.member_type_id = m.member_type_id
{{- end}}
LEFT JOIN item i ON {{same "loan.item_code" "l" "item.item_code" "i"}}
LEFT JOIN biblio b ON b.biblio_id = i.biblio_id
WHERE l.is_lent = 1
  AND l.is_return = 0;
{{- if has "holiday"}}

-- A row without a date closes every week.
CREATE OR REPLACE SQL SECURITY DEFINER VIEW reminder_source_closed_days AS
SELECT
    NULL        AS calendar,
    CASE
        WHEN h.holiday_date IS NULL THEN CONVERT(LOWER(LEFT(h.holiday_dayname, 3)) USING utf8mb4) COLLATE utf8mb4_bin
        ELSE CAST(h.holiday_date AS CHAR(10))
    END         AS day,
    0           AS is_open,
    h.description AS name
FROM holiday h;
{{- end}}
