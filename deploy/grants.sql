-- The database user of everyday, whatever the library's system: it may read loans and closed days through two views and
-- keep the outbox. It can neither read passwords nor change a loan. Run this as the database's administrator, after
-- 'pengingat migrate --source …'.
--
-- Put your database's name in the place of perpustakaan, and a password of your own in the place of the one below. Where the
-- program runs on another machine, put that machine's name in the place of localhost, and say
-- ALTER USER 'pengingat'@'that-machine' REQUIRE SSL;
-- at the end: the program itself refuses to connect without TLS beyond its own computer, and so should the server.

CREATE USER IF NOT EXISTS 'pengingat'@'localhost' IDENTIFIED BY 'ganti-kata-sandi-ini';

GRANT SELECT ON perpustakaan.reminder_loans TO 'pengingat'@'localhost';
GRANT SELECT ON perpustakaan.reminder_source_closed_days TO 'pengingat'@'localhost';
GRANT SELECT ON perpustakaan.reminder_migrations TO 'pengingat'@'localhost';
-- Only where you made this view: MySQL refuses a right on what is not there.
-- GRANT SELECT ON perpustakaan.reminder_groups_source TO 'pengingat'@'localhost';

-- DELETE only where a row can come to an end: a pause, a closure, an opt-out, a class, and what 'pengingat prune' removes.
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
