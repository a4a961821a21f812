-- Pinjaman terbuka dari sistem perpustakaan Anda sendiri: satu baris untuk setiap buku yang masih dipinjam.
-- Ganti nama tabel dan kolom di sebelah kiri AS; nama di sebelah kanan AS tetap. Lalu:
--     pengingat migrate --source custom --view BERKAS-INI.sql
--
-- The open loans of your own library system: one row for every book that is out.
-- Change the names of tables and columns left of AS; the names right of AS stay. Then:
--     pengingat migrate --source custom --view THIS-FILE.sql
CREATE OR REPLACE ALGORITHM = MERGE SQL SECURITY DEFINER VIEW reminder_loans AS
SELECT
    -- wajib / required
    l.id        AS loan_id,        -- nomor pinjaman, tidak pernah sama / the loan's number, never twice
    m.id        AS borrower_id,    -- nomor peminjam: satu orang, satu nomor / one person, one number
    m.name      AS borrower_name,
    m.email     AS email,          -- boleh kosong / may be empty
    b.title     AS title,
    l.due_on    AS due_at,         -- DATE atau / or DATETIME, jam dinding perpustakaan / the library's wall clock

    -- boleh dihapus / may be left out
    l.number    AS loan_ref,       -- nomor yang dikenal peminjam / the number that the borrower knows
    b.barcode   AS item_code,
    l.lent_on   AS borrowed_at,
    m.class     AS group_name,     -- kelas, cabang / class, branch
    NULL        AS language,       -- 'id', 'en'; NULL: bahasa perpustakaan / the library's
    NULL        AS hold_reason,    -- jangan diingatkan, misalnya 'lost' / not to be reminded, such as 'lost'
    NULL        AS fine_per_day,   -- rupiah
    NULL        AS borrower_type,  -- 'student', 'teacher', 'staff', 'parent': sapaannya / how they are addressed
    NULL        AS guardian_name,  -- orang tua atau wali / the parent or guardian
    NULL        AS guardian_email, -- dikirimi sejak / is told from REMINDER_GUARDIAN_FROM on
    NULL        AS guardian_wants, -- NULL: tidak setuju / has not agreed; '+' terlambat/late, '+14'
    NULL        AS wants,          -- yang diinginkan peminjam / what the borrower wants: NULL semua/all, '-2,0,+', '+7', 'none'
    NULL        AS calendar,       -- cabang, bila hari tutupnya lain / the branch, where its closed days differ
    NULL        AS from_address,   -- alamat pengirim cabang / the branch's From; MAIL_FROM_ALLOWED
    NULL        AS reply_to        -- alamat balasan cabang / where answers to the branch go
FROM loans l
JOIN members m ON m.id = l.member_id
JOIN books b ON b.id = l.book_id
WHERE l.returned_on IS NULL;

-- Hari tutup, bila tercatat di basis data; hapus bila tidak. day: '2026-12-25', '12-25' setiap tahun, 'sun' setiap minggu.
-- Closed days, where the database has them; else remove this. day: '2026-12-25', '12-25' every year, 'sun' every week.
--
-- CREATE OR REPLACE SQL SECURITY DEFINER VIEW reminder_source_closed_days AS
-- SELECT NULL AS calendar, CAST(h.day AS CHAR(10)) AS day, 0 AS is_open, h.name AS name FROM holidays h;
