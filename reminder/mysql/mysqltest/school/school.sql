-- The tables of the school's Laravel application that matter here, as its migrations leave them.
-- tanggal_* are wall clock in Asia/Jakarta; created_at and updated_at follow the session's time zone.

CREATE TABLE users (
  id                       BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  nama                     VARCHAR(80) NOT NULL,
  email                    VARCHAR(70) NOT NULL,
  password                 VARCHAR(60) NOT NULL,
  level                    ENUM('admin', 'siswa', 'guru', 'staff') NOT NULL,
  email_verified_at        TIMESTAMP NULL,
  email_verification_token TEXT NULL,
  created_at               TIMESTAMP NULL,
  updated_at               TIMESTAMP NULL,
  PRIMARY KEY (id),
  UNIQUE KEY users_email_unique (email)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- user_id is not unique: an account can have several rows here.
CREATE TABLE siswa (
  id            BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  user_id       BIGINT UNSIGNED NOT NULL,
  nisn          VARCHAR(10) NOT NULL,
  kelas         VARCHAR(6) NOT NULL,
  tanggal_lahir DATE NOT NULL,
  alamat        TEXT NOT NULL,
  no_telepon    VARCHAR(13) NOT NULL,
  foto          TEXT NULL,
  created_at    TIMESTAMP NULL,
  updated_at    TIMESTAMP NULL,
  PRIMARY KEY (id),
  UNIQUE KEY siswa_nisn_unique (nisn),
  CONSTRAINT siswa_user_id_foreign FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE ON UPDATE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE buku (
  id           BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  kode_buku    VARCHAR(22) NOT NULL,
  judul        VARCHAR(60) NOT NULL,
  pengarang    VARCHAR(50) NOT NULL,
  penerbit     VARCHAR(50) NOT NULL,
  tahun_terbit VARCHAR(4) NOT NULL,
  deskripsi    TEXT NOT NULL,
  foto         TEXT NULL,
  total_buku   INT UNSIGNED NOT NULL DEFAULT 0,
  stok_buku    INT UNSIGNED NOT NULL DEFAULT 0,
  status       VARCHAR(8) NOT NULL DEFAULT 'Tersedia',
  created_at   TIMESTAMP NULL,
  updated_at   TIMESTAMP NULL,
  PRIMARY KEY (id),
  UNIQUE KEY buku_kode_buku_unique (kode_buku)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- tanggal_kembali is the due date, tanggal_pengembalian the day of return. A loan is open while the status is
-- Dipinjam or Terlambat; the application writes Terlambat only when somebody opens a page.
CREATE TABLE peminjaman (
  id                    BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  user_id               BIGINT UNSIGNED NOT NULL,
  buku_id               BIGINT UNSIGNED NOT NULL,
  no_peminjaman         VARCHAR(21) NOT NULL,
  tanggal_pinjam        DATETIME NOT NULL,
  tanggal_kembali       DATE NOT NULL,
  tanggal_pengembalian  DATETIME NULL,
  status                ENUM('Diproses', 'Dipinjam', 'Dikembalikan', 'Terlambat', 'Dibatalkan') NOT NULL DEFAULT 'Diproses',
  catatan               TEXT NULL,
  is_terlambat          TINYINT(1) NOT NULL DEFAULT 0,
  is_stok_returned      TINYINT(1) NOT NULL DEFAULT 0,
  jumlah_hari_terlambat INT NOT NULL DEFAULT 0,
  diproses_by           VARCHAR(6) NULL,
  created_at            TIMESTAMP NULL,
  updated_at            TIMESTAMP NULL,
  PRIMARY KEY (id),
  UNIQUE KEY peminjaman_no_peminjaman_unique (no_peminjaman),
  CONSTRAINT peminjaman_user_id_foreign FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
  CONSTRAINT peminjaman_buku_id_foreign FOREIGN KEY (buku_id) REFERENCES buku (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- Laravel's database queue. created_at, available_at and reserved_at are Unix seconds.
CREATE TABLE jobs (
  id           BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  queue        VARCHAR(255) NOT NULL,
  payload      LONGTEXT NOT NULL,
  attempts     TINYINT UNSIGNED NOT NULL,
  reserved_at  INT UNSIGNED NULL,
  available_at INT UNSIGNED NOT NULL,
  created_at   INT UNSIGNED NOT NULL,
  PRIMARY KEY (id),
  KEY jobs_queue_index (queue)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE failed_jobs (
  id         BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  uuid       VARCHAR(255) NOT NULL,
  connection TEXT NOT NULL,
  queue      TEXT NOT NULL,
  payload    LONGTEXT NOT NULL,
  exception  LONGTEXT NOT NULL,
  failed_at  TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (id),
  UNIQUE KEY failed_jobs_uuid_unique (uuid)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
