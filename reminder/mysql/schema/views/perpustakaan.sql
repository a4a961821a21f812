-- Open loans of the school library's Laravel application (tables users, siswa, buku, peminjaman).
--
-- Open is: handed out and not brought back. The status 'Terlambat' (late) is written only when somebody opens a page, so
-- it means the same as 'Dipinjam'; the due date alone decides what is late. A return date wins over any status.
-- Ids and due_at are passed through as they are, so that a range on them uses the base tables' indexes.
-- siswa.user_id is not unique: the class comes from a subquery, because a join would show a loan once per row.
-- borrower_type is users.level. A guardian is shown where siswa has been given columns for one: email_wali (or email_ortu,
-- email_orang_tua), nama_wali, and izin_wali, 1 where they have agreed to be told; without izin_wali all of them have.
-- phone is for links that a person presses: of a pupil from siswa; of a teacher from users or a table guru with user_id, where those
-- have been given a column no_telepon (or telepon, no_hp). The outbox never reads it.
-- perpustakaan.com, the domain of the application's sample accounts, belongs to somebody else: never mail there.
-- Needs perpustakaan 2025: peminjaman.id peminjaman.user_id peminjaman.buku_id peminjaman.tanggal_pinjam
-- peminjaman.tanggal_kembali peminjaman.tanggal_pengembalian peminjaman.status peminjaman.no_peminjaman users.id users.nama users.email
-- siswa.user_id siswa.kelas siswa.no_telepon buku.id buku.judul buku.kode_buku
-- Index: peminjaman (tanggal_pengembalian, tanggal_kembali, status)
{{- $email := first "siswa" "email_wali" "email_ortu" "email_orang_tua"}}
{{- $name := first "siswa" "nama_wali" "nama_ortu" "nama_orang_tua"}}
{{- $agreed := first "siswa" "izin_wali" "izin_ortu" "izin_orang_tua"}}
{{- define "guardian"}}FROM siswa s WHERE s.user_id = u.id AND TRIM(s.{{.}}) <> '' ORDER BY s.id LIMIT 1{{end}}
CREATE OR REPLACE ALGORITHM = MERGE SQL SECURITY DEFINER VIEW reminder_loans AS
SELECT
    p.id              AS loan_id,
    u.id              AS borrower_id,
    u.nama            AS borrower_name,
    CASE WHEN u.email LIKE '%@perpustakaan.com' THEN NULL ELSE u.email END AS email,
    b.judul           AS title,
    p.tanggal_kembali AS due_at,
    p.no_peminjaman   AS loan_ref,
    b.kode_buku       AS item_code,
    p.tanggal_pinjam  AS borrowed_at,
    (SELECT MIN(s.kelas) FROM siswa s WHERE s.user_id = u.id) AS group_name,
    NULL              AS language,
    NULL              AS hold_reason,
    NULL              AS fine_per_day,
{{- if has "users.level"}}
    CASE u.level WHEN 'siswa' THEN 'student' WHEN 'guru' THEN 'teacher' WHEN 'admin' THEN 'staff' ELSE u.level END AS borrower_type,
{{- end}}
{{- with $email}}
    (SELECT TRIM(s.{{.}}) {{template "guardian" .}}) AS guardian_email,
    {{- if $name}}
    (SELECT s.{{$name}} {{template "guardian" .}}) AS guardian_name,
    {{- end}}
    {{- if $agreed}}
    (SELECT CASE WHEN s.{{$agreed}} = 1 THEN '+' END {{template "guardian" .}}) AS guardian_wants,
    {{- end}}
{{- end}}
    COALESCE((SELECT MIN(NULLIF(TRIM(s.no_telepon), '')) FROM siswa s WHERE s.user_id = u.id)
    {{- if has "guru.user_id"}}{{with first "guru" "no_telepon" "telepon" "no_hp"}},
        (SELECT MIN(NULLIF(TRIM(g.{{.}}), '')) FROM guru g WHERE g.user_id = u.id)
    {{- end}}{{end}}
    {{- with first "users" "no_telepon" "telepon" "no_hp"}}, NULLIF(TRIM(u.{{.}}), ''){{end}}) AS phone
FROM peminjaman p
JOIN users u ON u.id = p.user_id
JOIN buku b ON b.id = p.buku_id
WHERE p.status IN ('Dipinjam', 'Terlambat')
  AND p.tanggal_pengembalian IS NULL;
