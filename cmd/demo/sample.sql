-- A sample library in the tables of the school's application, as it is on Tuesday, 24 November 2026. It is closed on
-- Sundays. People and titles are invented; example.org and example.com belong to nobody (RFC 2606).

INSERT INTO users (id, nama, email, password, level) VALUES
  (1,  'Aisyah Putri Lestari',   'aisyah.putri@example.org',   '', 'siswa'),
  (2,  'Bagas Aditya Nugraha',   'bagas.aditya@example.org',   '', 'siswa'),
  (3,  'Citra Ayu Maharani',     'citra.ayu@example.org',      '', 'siswa'),
  (4,  'Dimas Raka Pratama',     'dimas.raka@example.org',     '', 'siswa'),
  (5,  'Eka Nur Fadilah',        'eka.nur@example.org',        '', 'siswa'),
  (6,  'Fajar Hidayatullah',     'fajar.hidayat@example.org',  '', 'siswa'),
  (7,  'Gita Permata Sari',      'gita.permata@example.org',   '', 'siswa'),
  (8,  'Hafiz Maulana Ibrahim',  'hafiz.maulana@example.org',  '', 'siswa'),
  (9,  'Intan Cahya Ningrum',    'intan.cahya@example.org',    '', 'siswa'),
  (10, 'Joko Satrio Wibisono',   'joko.satrio@example.org',    '', 'siswa'),
  (11, 'Kirana Dewi Anggraini',  'kirana.dewi@example.org',    '', 'siswa'),
  (12, 'Lukman Arifin',          'lukman.arifin@example.org',  '', 'siswa'),
  (13, 'Melati Kusuma Wardani',  'melati.kusuma@example.org',  '', 'siswa'),
  (14, 'Nabila Zahra Khairani',  'nabila.zahra@example.org',   '', 'siswa'),
  (15, 'Oka Mahendra Putra',     'oka.mahendra(at)example.org', '', 'siswa'), -- no address
  (16, 'Puspita Wulandari',      '',                           '', 'siswa'), -- nor this
  (17, 'Qori Ramadhani',         'qori@example.org; ibu.qori@example.com', '', 'siswa'), -- the first one is taken
  (18, 'Rizky Firmansyah',       'rizky.firman@example.org',   '', 'siswa'),
  (19, 'Siti Rahmawati',         'siti.rahma@example.org',     '', 'siswa'),
  (20, 'Teguh Santoso',          'teguh@perpustakaan.com',     '', 'guru'),  -- the application's placeholder
  (21, 'Umi Azizah',             'umi.azizah@example.com',     '', 'guru'),
  (22, 'Vina Oktaviani',         'vina.okta@example.org',      '', 'siswa'),
  (23, 'Wahyu Setiawan',         'wahyu.setiawan@example.org', '', 'siswa'),
  (24, 'Yusuf Abdurrahman',      'yusuf@example.org',          '', 'siswa'), -- wants no reminders
  (25, 'Zahra Amelia',           'zahra.amelia@example.org',   '', 'siswa'),
  (26, 'Rangga Saputra',         'rangga.saputra@example.org', '', 'siswa'),
  (27, 'Ratna Komalasari',       'ratna.komala@example.com',   '', 'staff');

-- Nabila has two rows, one a school year. She must not be told twice.
INSERT INTO siswa (user_id, nisn, kelas, tanggal_lahir, alamat, no_telepon) VALUES
  (1,  '0130000001', '7A', '2013-05-02', 'Garut', ''),
  (10, '0120000010', '8C', '2012-08-17', 'Garut', ''),
  (14, '0110000014', '8B', '2011-12-30', 'Garut', ''),
  (14, '0110000015', '9B', '2011-12-30', 'Garut', '');

INSERT INTO buku (id, kode_buku, judul, pengarang, penerbit, tahun_terbit, deskripsi) VALUES
  (1,  'BK-0101', 'Petualangan di Lereng Papandayan',                      'A. Contoh', 'Contoh', '2019', ''),
  (2,  'BK-0102', 'Asal-usul Nama Desa Kami',                              'A. Contoh', 'Contoh', '2020', ''),
  (3,  'BK-0103', 'Matematika Itu Menyenangkan',                           'A. Contoh', 'Contoh', '2021', ''),
  (4,  'BK-0104', 'Kumpulan Pantun Ceria 🌻📚',                             'A. Contoh', 'Contoh', '2022', ''),
  (5,  'BK-0105', 'Belajar Membuat Laman: <script>alert("Halo")</script>', 'A. Contoh', 'Contoh', '2023', ''),
  (6,  'BK-0106', '"Angin Laut" & Cerita ''Anak Nelayan''',                'A. Contoh', 'Contoh', '2018', ''),
  (7,  'BK-0107', 'Ensiklopedia Hewan Nusantara',                          'A. Contoh', 'Contoh', '2017', ''),
  (8,  'BK-0108', 'Kamus Bahasa Sunda untuk Pelajar',                      'A. Contoh', 'Contoh', '2016', ''),
  (9,  'BK-0109', 'Rahasia Kebun Teh',                                     'A. Contoh', 'Contoh', '2020', ''),
  (10, 'BK-0110', 'Percobaan Sains dari Dapur',                            'A. Contoh', 'Contoh', '2022', ''),
  (11, 'BK-0111', 'Menulis Puisi dari Hati',                               'A. Contoh', 'Contoh', '2021', ''),
  (12, 'BK-0112', 'Tata Surya dan Kita',                                   'A. Contoh', 'Contoh', '2019', ''),
  (13, 'BK-0113', 'Berkebun di Halaman Sekolah',                           'A. Contoh', 'Contoh', '2023', ''),
  (14, 'BK-0114', 'Burung-Burung Gunung Cikuray',                          'A. Contoh', 'Contoh', '2018', ''),
  (15, 'BK-0115', 'Rumah di Tepi Sungai Cimanuk',                          'A. Contoh', 'Contoh', '2015', ''),
  (16, 'BK-0116', 'Mengajar dengan Gembira',                               'A. Contoh', 'Contoh', '2020', '');

-- Open loans: due from 90 days ago to two weeks ahead. The status says little: the application writes Terlambat (late)
-- only when somebody opens a page.
INSERT INTO peminjaman (no_peminjaman, user_id, buku_id, tanggal_pinjam, tanggal_kembali, status) VALUES
  ('PJM-2611-001', 1,  1,  '2026-11-18 09:10:00', '2026-11-25', 'Dipinjam'),  -- due tomorrow; renewed later
  ('PJM-2611-002', 2,  2,  '2026-11-18 09:15:00', '2026-11-25', 'Dipinjam'),  -- due tomorrow
  ('PJM-2611-003', 3,  3,  '2026-11-17 10:00:00', '2026-11-24', 'Dipinjam'),  -- due today; brought back later
  ('PJM-2611-004', 4,  7,  '2026-11-17 10:05:00', '2026-11-24', 'Dipinjam'),  -- due today
  ('PJM-2611-005', 5,  8,  '2026-11-16 12:30:00', '2026-11-23', 'Dipinjam'),  -- 1 day late
  ('PJM-2611-006', 6,  9,  '2026-11-14 08:00:00', '2026-11-22', 'Dipinjam'),  -- due on a Sunday
  ('PJM-2611-007', 7,  10, '2026-11-14 09:45:00', '2026-11-21', 'Terlambat'), -- 3 days late
  ('PJM-2611-008', 8,  11, '2026-11-05 11:00:00', '2026-11-12', 'Terlambat'), -- 12 days late
  ('PJM-2608-009', 9,  12, '2026-08-19 11:20:00', '2026-08-26', 'Terlambat'), -- 90 days late
  ('PJM-2611-010', 10, 13, '2026-11-14 13:00:00', '2026-11-21', 'Terlambat'), -- three books of one borrower
  ('PJM-2611-011', 10, 14, '2026-11-17 13:00:00', '2026-11-24', 'Dipinjam'),
  ('PJM-2611-012', 10, 15, '2026-11-18 13:00:00', '2026-11-25', 'Dipinjam'),
  ('PJM-2611-013', 11, 4,  '2026-11-18 09:30:00', '2026-11-25', 'Dipinjam'),
  ('PJM-2611-014', 12, 5,  '2026-11-16 09:30:00', '2026-11-23', 'Dipinjam'),
  ('PJM-2611-015', 13, 6,  '2026-11-10 10:30:00', '2026-11-17', 'Terlambat'), -- 7 days late
  ('PJM-2611-016', 14, 7,  '2026-11-17 09:00:00', '2026-11-24', 'Dipinjam'),
  ('PJM-2611-017', 15, 8,  '2026-11-16 09:00:00', '2026-11-23', 'Dipinjam'),
  ('PJM-2611-018', 16, 9,  '2026-11-14 09:00:00', '2026-11-21', 'Dipinjam'),
  ('PJM-2611-019', 17, 10, '2026-11-17 08:20:00', '2026-11-24', 'Dipinjam'),
  ('PJM-2611-020', 18, 11, '2026-11-19 08:20:00', '2026-12-03', 'Terlambat'), -- late by its status only
  ('PJM-2611-021', 20, 16, '2026-11-06 08:20:00', '2026-11-20', 'Dipinjam'),
  ('PJM-2611-022', 21, 16, '2026-11-12 08:20:00', '2026-11-26', 'Dipinjam'),  -- due on a day when the library is closed
  ('PJM-2611-023', 24, 12, '2026-11-17 14:00:00', '2026-11-24', 'Dipinjam'),
  ('PJM-2611-024', 25, 13, '2026-11-11 14:00:00', '2026-11-18', 'Dipinjam'),  -- 6 days late
  ('PJM-2611-025', 26, 14, '2026-11-23 10:40:00', '2026-11-30', 'Dipinjam'),
  ('PJM-2611-026', 26, 15, '2026-11-24 07:20:00', '2026-12-08', 'Dipinjam'),
  ('PJM-2611-027', 27, 1,  '2026-11-13 15:00:00', '2026-11-27', 'Dipinjam');

-- Loans that are not open, or not any more: nobody is told about them.
INSERT INTO peminjaman (no_peminjaman, user_id, buku_id, tanggal_pinjam, tanggal_kembali, tanggal_pengembalian, status) VALUES
  ('PJM-2611-028', 19, 2,  '2026-11-16 10:00:00', '2026-11-23', '2026-11-23 12:10:00', 'Dipinjam'), -- the status lags behind
  ('PJM-2611-029', 22, 3,  '2026-11-23 15:00:00', '2026-11-24', NULL,                  'Diproses'),
  ('PJM-2611-030', 22, 4,  '2026-11-16 15:00:00', '2026-11-23', NULL,                  'Dibatalkan'),
  ('PJM-2611-031', 23, 5,  '2026-11-10 09:00:00', '2026-11-17', '2026-11-17 09:30:00', 'Dikembalikan'),
  ('PJM-2611-032', 23, 6,  '2026-11-03 09:00:00', '2026-11-10', '2026-11-12 13:00:00', 'Dikembalikan'),
  ('PJM-2610-033', 23, 7,  '2026-10-13 09:00:00', '2026-10-20', '2026-10-19 13:00:00', 'Dikembalikan'),
  ('PJM-2611-034', 1,  8,  '2026-11-04 09:00:00', '2026-11-11', '2026-11-11 08:05:00', 'Dikembalikan'),
  ('PJM-2610-035', 2,  9,  '2026-10-20 09:00:00', '2026-10-27', '2026-10-30 08:05:00', 'Dikembalikan'),
  ('PJM-2610-036', 5,  10, '2026-10-21 09:00:00', '2026-10-28', '2026-10-28 08:05:00', 'Dikembalikan'),
  ('PJM-2611-037', 10, 11, '2026-11-02 09:00:00', '2026-11-09', '2026-11-09 08:05:00', 'Dikembalikan'),
  ('PJM-2611-038', 17, 12, '2026-11-09 09:00:00', '2026-11-16', '2026-11-20 08:05:00', 'Dikembalikan'),
  ('PJM-2611-039', 25, 13, '2026-11-03 09:00:00', '2026-11-10', '2026-11-10 08:05:00', 'Dikembalikan'),
  ('PJM-2610-040', 21, 14, '2026-10-05 09:00:00', '2026-10-19', '2026-10-19 08:05:00', 'Dikembalikan');
