-- A SLiMS library as years of upgrades leave it: MyISAM, two collations, wide and narrow ids, orphans. Written for these
-- tests; only names and types are SLiMS's. The text of slims.want says who must be told what.

CREATE TABLE member (
  member_id         VARCHAR(100) COLLATE utf8mb4_general_ci NOT NULL,
  member_name       VARCHAR(100) COLLATE utf8mb4_general_ci NOT NULL,
  member_type_id    INT(6) NULL,
  member_email      VARCHAR(100) COLLATE utf8mb4_general_ci NULL,
  member_mail_address VARCHAR(255) COLLATE utf8mb4_general_ci NULL,
  is_pending        SMALLINT(1) NOT NULL DEFAULT 0,
  expire_date       DATE NOT NULL,
  PRIMARY KEY (member_id)
) ENGINE=MyISAM DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

CREATE TABLE mst_member_type (
  member_type_id   INT(11) NOT NULL AUTO_INCREMENT,
  member_type_name VARCHAR(50) NOT NULL,
  grace_periode    INT(11) NULL DEFAULT 0,
  fine_each_day    INT(11) NOT NULL,
  PRIMARY KEY (member_type_id)
) ENGINE=MyISAM DEFAULT CHARSET=utf8 COLLATE=utf8_unicode_ci;

CREATE TABLE biblio (
  biblio_id INT(11) NOT NULL AUTO_INCREMENT,
  title     TEXT COLLATE utf8mb4_unicode_ci NOT NULL,
  PRIMARY KEY (biblio_id)
) ENGINE=MyISAM DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE item (
  item_id        INT(11) NOT NULL AUTO_INCREMENT,
  biblio_id      INT(11) NULL,
  item_code      VARCHAR(20) COLLATE utf8mb4_unicode_ci NULL,
  item_status_id CHAR(3) COLLATE utf8mb4_unicode_ci NULL,
  PRIMARY KEY (item_id),
  UNIQUE KEY item_code (item_code)
) ENGINE=MyISAM DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE loan (
  loan_id       INT(11) NOT NULL AUTO_INCREMENT,
  item_code     VARCHAR(20) COLLATE utf8_unicode_ci NULL,
  member_id     VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NULL,
  loan_date     DATE NOT NULL,
  due_date      DATE NOT NULL,
  renewed       INT(11) NOT NULL DEFAULT 0,
  loan_rules_id INT(11) NOT NULL DEFAULT 0,
  is_lent       INT(11) NOT NULL DEFAULT 0,
  is_return     INT(11) NOT NULL DEFAULT 0,
  return_date   DATE NULL,
  last_update   DATETIME NULL,
  PRIMARY KEY (loan_id),
  KEY item_code (item_code),
  KEY member_id (member_id)
) ENGINE=MyISAM DEFAULT CHARSET=utf8 COLLATE=utf8_unicode_ci;

CREATE TABLE loan_history (
  loan_id   INT(11) NOT NULL,
  due_date  DATE NOT NULL,
  PRIMARY KEY (loan_id)
) ENGINE=MyISAM DEFAULT CHARSET=utf8 COLLATE=utf8_unicode_ci;

CREATE TABLE holiday (
  holiday_id      INT(11) NOT NULL AUTO_INCREMENT,
  holiday_dayname VARCHAR(20) COLLATE utf8_unicode_ci NOT NULL,
  holiday_date    DATE NULL,
  description     VARCHAR(100) COLLATE utf8_unicode_ci NULL,
  PRIMARY KEY (holiday_id),
  UNIQUE KEY holiday_dayname (holiday_dayname, holiday_date)
) ENGINE=MyISAM DEFAULT CHARSET=utf8 COLLATE=utf8_unicode_ci;

-- Sundays (twice, as NULL escapes the unique key), Teachers' Day on Wednesday the 25th, and a row that says nothing.
INSERT INTO holiday (holiday_dayname, holiday_date, description) VALUES
  ('sun', NULL, NULL), ('sun', NULL, NULL), ('Wed', '2026-11-25', 'Hari Guru'), ('', NULL, 'kosong');

INSERT INTO mst_member_type VALUES (1, 'Siswa', 2, 500), (2, 'Guru', 0, 0);

CREATE TABLE numbers (n INT NOT NULL PRIMARY KEY);
INSERT INTO numbers VALUES (1),(2),(3),(4),(5),(6),(7),(8),(9),(10),(11),(12),(13),(14),(15),(16),(17),(18),(19),(20),
  (21),(22),(23),(24),(25),(26),(27),(28),(29),(30),(31),(32),(33),(34),(35),(36),(37),(38),(39),(40);

-- Loans 1 to 40: ordinary, one a member, due on the 5th of November and each day after it, to the 14th of December.
INSERT INTO member SELECT CONCAT('M', n), CONCAT('Anggota ', n), 1, CONCAT('m', n, '@example.org'), 'Jl. Pos 1', 0, '2027-12-31' FROM numbers;
INSERT INTO biblio (biblio_id, title) SELECT n, CONCAT('Buku ', n, ' / Pengarang') FROM numbers;
INSERT INTO item (biblio_id, item_code) SELECT n, CONCAT('B', n) FROM numbers;
INSERT INTO loan (loan_id, item_code, member_id, loan_date, due_date, is_lent)
  SELECT n, CONCAT('B', n), CONCAT('M', n), '2026-10-20', DATE_ADD('2026-11-04', INTERVAL n DAY), 1 FROM numbers;
DROP TABLE numbers;

-- Loans 101 to 130: what goes wrong in real databases. Due on Tuesday the 24th where nothing else is said.
INSERT INTO member VALUES
  ('T101', 'Tanpa alamat', 1, NULL, 'pos@example.org', 0, '2027-12-31'),
  ('T102', 'Kosong', 1, '', NULL, 0, '2027-12-31'),
  ('T103', 'Spasi', 1, '   ', NULL, 0, '2027-12-31'),
  ('T104', 'Tidak ada', 1, 'tidak ada', NULL, 0, '2027-12-31'),
  ('T105', 'Dua alamat', 1, 'dua@example.org; tiga@example.org', NULL, 0, '2027-12-31'),
  ('T108', 'Buku hilang', 1, 'hilang@example.org', NULL, 0, '2027-12-31'),
  ('T109', 'Ditunda', 1, 'tunda@example.org', NULL, 1, '2027-12-31'),
  ('T110', 'Tanggal nol', 1, 'nol@example.org', NULL, 0, '2027-12-31'),
  ('T111', 'Sudah kembali', 1, 'kembali@example.org', NULL, 0, '2027-12-31'),
  ('T112', 'Belum keluar', 1, 'belum@example.org', NULL, 0, '2027-12-31'),
  ('T113', 'Diperpanjang', 1, 'panjang@example.org', NULL, 0, '2027-12-31'),
  ('T114', 'Tanpa eksemplar', 1, 'eksemplar@example.org', NULL, 0, '2027-12-31'),
  ('T115', 'Tanpa judul', 1, 'judul@example.org', NULL, 0, '2027-12-31'),
  ('T116', 'Aneh <b>', 1, 'aneh@example.org', NULL, 0, '2027-12-31'),
  ('T117', 'Lama sekali', 1, 'lama@example.org', NULL, 0, '2020-12-31'),
  ('T118', 'Tiga buku', 2, 'tigabuku@example.org', NULL, 0, '2027-12-31'),
  ('T121', 'Hari libur', 1, 'libur@example.org', NULL, 0, '2027-12-31'),
  ('T122', 'Minggu', 1, 'minggu@example.org', NULL, 0, '2027-12-31'),
  ('T123', 'Huruf besar', 1, ' BUDI@Example.ORG ', NULL, 0, '2027-12-31'),
  ('T124', 'Tanpa jenis', NULL, 'jenis@example.org', NULL, 0, '2027-12-31'),
  ('A/1 b#7', 'Nomor aneh', 1, 'nomor@example.org', NULL, 0, '2027-12-31'),
  ('T126', 'Kedaluwarsa', 1, 'kartu@example.org', NULL, 0, '2026-11-20'),
  ('T127', 'Tidak mau', 1, 'tidakmau@example.org', NULL, 0, '2027-12-31'),
  ('T128', 'Enam puluh satu hari', 1, 'h61@example.org', NULL, 0, '2027-12-31'),
  ('T129', 'Enam puluh hari', 1, 'h60@example.org', NULL, 0, '2027-12-31'),
  ('T130', 'Perbaikan', 1, 'perbaikan@example.org', NULL, 0, '2027-12-31');
INSERT INTO biblio (biblio_id, title) VALUES (101, 'Laskar Pelangi'), (116, '<script>alert(1)</script> "Bumi" & 🌏');
INSERT INTO item (biblio_id, item_code, item_status_id) VALUES
  (101, 'X1', NULL), (101, 'X108', 'MIS'), (999, 'X115', NULL), (116, 'X116', NULL), (101, 'X130', 'R');
INSERT INTO loan (loan_id, item_code, member_id, loan_date, due_date, is_lent, is_return) VALUES
  (101, 'X1', 'T101', '2026-10-20', '2026-11-24', 1, 0),
  (102, 'X1', 'T102', '2026-10-20', '2026-11-24', 1, 0),
  (103, 'X1', 'T103', '2026-10-20', '2026-11-24', 1, 0),
  (104, 'X1', 'T104', '2026-10-20', '2026-11-24', 1, 0),
  (105, 'X1', 'T105', '2026-10-20', '2026-11-24', 1, 0),
  (106, 'X1', 'PERGI', '2026-10-20', '2026-11-24', 1, 0),
  (107, 'X1', NULL, '2026-10-20', '2026-11-24', 1, 0),
  (108, 'X108', 'T108', '2026-10-20', '2026-11-24', 1, 0),
  (109, 'X1', 'T109', '2026-10-20', '2026-11-24', 1, 0),
  (111, 'X1', 'T111', '2026-10-20', '2026-11-24', 1, 1),
  (112, 'X1', 'T112', '2026-10-20', '2026-11-24', 0, 0),
  (113, 'X1', 'T113', '2026-10-20', '2026-12-10', 1, 0),
  (114, 'HAPUS', 'T114', '2026-10-20', '2026-11-24', 1, 0),
  (115, 'X115', 'T115', '2026-10-20', '2026-11-24', 1, 0),
  (116, 'X116', 'T116', '2026-10-20', '2026-11-24', 1, 0),
  (117, 'X1', 'T117', '2020-01-20', '2020-02-03', 1, 0),
  (118, 'X1', 'T118', '2026-10-20', '2026-11-24', 1, 0),
  (119, 'X1', 'T118', '2026-10-20', '2026-11-20', 1, 0),
  (120, 'X1', 'T118', '2026-10-20', '2026-11-27', 1, 0),
  (121, 'X1', 'T121', '2026-10-20', '2026-11-25', 1, 0),
  (122, 'X1', 'T122', '2026-10-20', '2026-11-22', 1, 0),
  (123, 'X1', 'T123', '2026-10-20', '2026-11-24', 1, 0),
  (124, 'X1', 'T124', '2026-10-20', '2026-11-24', 1, 0),
  (125, 'X1', 'A/1 b#7', '2026-10-20', '2026-11-24', 1, 0),
  (126, 'X1', 'T126', '2026-10-20', '2026-11-20', 1, 0),
  (127, 'X1', 'T127', '2026-10-20', '2026-11-24', 1, 0),
  (128, 'X1', 'T128', '2026-09-01', '2026-09-23', 1, 0),
  (129, 'X1', 'T129', '2026-09-01', '2026-09-24', 1, 0),
  (130, 'X130', 'T130', '2026-10-20', '2026-11-24', 1, 0);
-- A zero date, as old servers let it in.
SET sql_mode = '';
INSERT INTO loan (loan_id, item_code, member_id, loan_date, due_date, is_lent) VALUES (110, 'X1', 'T110', '0000-00-00', '0000-00-00', 1);
SET sql_mode = DEFAULT;
-- Renewed in loan; the history keeps the old date.
INSERT INTO loan_history VALUES (113, '2026-11-24');
