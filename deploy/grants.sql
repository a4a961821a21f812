-- The everyday database user, the same for every library system: it may read loans and closed days through two views and write
-- the program's own tables. It can neither read passwords nor change a loan. Run this as the database's administrator, after
-- 'pengingat migrate --source …'.
--
-- Replace perpustakaan by your database's name, and the password below by your own. If the program runs on another machine,
-- replace localhost by that machine's name and add at the end
-- ALTER USER 'pengingat'@'that-machine' REQUIRE SSL;
-- The program refuses to connect to another computer without TLS, and so should the server.

CREATE USER IF NOT EXISTS 'pengingat'@'localhost' IDENTIFIED BY 'ganti-kata-sandi-ini';

GRANT SELECT ON perpustakaan.reminder_loans TO 'pengingat'@'localhost';
GRANT SELECT ON perpustakaan.reminder_source_closed_days TO 'pengingat'@'localhost';
GRANT SELECT ON perpustakaan.reminder_migrations TO 'pengingat'@'localhost';
-- Only if you made this view: MySQL refuses a right on a view that does not exist.
-- GRANT SELECT ON perpustakaan.reminder_groups_source TO 'pengingat'@'localhost';

-- DELETE only on tables whose rows are removed: a pause, a closure, an opt-out, a class, and what 'pengingat prune' removes.
GRANT SELECT, INSERT, UPDATE, DELETE ON perpustakaan.reminder_emails TO 'pengingat'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE ON perpustakaan.reminder_notices TO 'pengingat'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE ON perpustakaan.reminder_runs TO 'pengingat'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE ON perpustakaan.reminder_state TO 'pengingat'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE ON perpustakaan.reminder_closed_days TO 'pengingat'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE ON perpustakaan.reminder_opt_outs TO 'pengingat'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE ON perpustakaan.reminder_bad_addresses TO 'pengingat'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE ON perpustakaan.reminder_bounces TO 'pengingat'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE ON perpustakaan.reminder_groups TO 'pengingat'@'localhost';
GRANT SELECT, INSERT, UPDATE, DELETE ON perpustakaan.reminder_contacts TO 'pengingat'@'localhost';
