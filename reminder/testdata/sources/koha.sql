-- A Koha library with three branches. Written for these tests; only names and types are Koha's. The text of koha.want says
-- who must be told what.

CREATE TABLE branches (
  branchcode      VARCHAR(10) NOT NULL,
  branchname      LONGTEXT NOT NULL,
  branchemail     LONGTEXT NULL,
  branchreplyto   LONGTEXT NULL,
  branchreturnpath LONGTEXT NULL,
  PRIMARY KEY (branchcode)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE categories (
  categorycode          VARCHAR(10) NOT NULL,
  description           LONGTEXT NULL,
  overduenoticerequired TINYINT(1) NULL,
  PRIMARY KEY (categorycode)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE borrowers (
  borrowernumber INT(11) NOT NULL AUTO_INCREMENT,
  cardnumber     VARCHAR(32) NULL,
  surname        LONGTEXT NULL,
  firstname      MEDIUMTEXT NULL,
  preferred_name LONGTEXT NULL,
  email          LONGTEXT NULL,
  emailpro       MEDIUMTEXT NULL,
  B_email        MEDIUMTEXT NULL,
  branchcode     VARCHAR(10) NOT NULL DEFAULT '',
  categorycode   VARCHAR(10) NOT NULL DEFAULT '',
  lang           VARCHAR(25) NOT NULL DEFAULT 'default',
  anonymized     TINYINT(1) NOT NULL DEFAULT 0,
  PRIMARY KEY (borrowernumber)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE biblio (
  biblionumber INT(11) NOT NULL AUTO_INCREMENT,
  title        LONGTEXT NULL,
  subtitle     LONGTEXT NULL,
  part_number  LONGTEXT NULL,
  part_name    LONGTEXT NULL,
  PRIMARY KEY (biblionumber)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE items (
  itemnumber   INT(11) NOT NULL AUTO_INCREMENT,
  biblionumber INT(11) NOT NULL DEFAULT 0,
  barcode      VARCHAR(20) NULL,
  itemlost     TINYINT(1) NOT NULL DEFAULT 0,
  PRIMARY KEY (itemnumber),
  UNIQUE KEY itembarcodeidx (barcode)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE issues (
  issue_id        INT(11) NOT NULL AUTO_INCREMENT,
  borrowernumber  INT(11) NOT NULL,
  itemnumber      INT(11) NOT NULL,
  date_due        DATETIME NULL,
  branchcode      VARCHAR(10) NULL,
  issuedate       DATETIME NULL,
  returndate      DATETIME NULL,
  renewals_count  TINYINT(4) NOT NULL DEFAULT 0,
  onsite_checkout INT(1) NOT NULL DEFAULT 0,
  timestamp       TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (issue_id),
  UNIQUE KEY itemnumber (itemnumber),
  KEY issuesborridx (borrowernumber),
  KEY branchcode_idx (branchcode),
  KEY bordate (borrowernumber, timestamp)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE return_claims (
  id          INT(11) NOT NULL AUTO_INCREMENT,
  itemnumber  INT(11) NOT NULL,
  issue_id    INT(11) NULL,
  resolution  VARCHAR(80) NULL,
  resolved_on TIMESTAMP NULL,
  PRIMARY KEY (id),
  UNIQUE KEY item_issue (itemnumber, issue_id),
  KEY issue_id (issue_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE message_attributes (
  message_attribute_id INT(11) NOT NULL AUTO_INCREMENT,
  message_name         VARCHAR(40) NOT NULL DEFAULT '',
  takes_days           TINYINT(1) NOT NULL DEFAULT 0,
  PRIMARY KEY (message_attribute_id),
  UNIQUE KEY message_name (message_name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE borrower_message_preferences (
  borrower_message_preference_id INT(11) NOT NULL AUTO_INCREMENT,
  borrowernumber                 INT(11) NULL,
  categorycode                   VARCHAR(10) NULL,
  message_attribute_id           INT(11) NULL DEFAULT 0,
  days_in_advance                INT(11) NULL DEFAULT NULL,
  wants_digest                   TINYINT(1) NOT NULL DEFAULT 0,
  PRIMARY KEY (borrower_message_preference_id),
  KEY borrowernumber (borrowernumber),
  KEY message_attribute_id (message_attribute_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE borrower_message_transport_preferences (
  borrower_message_preference_id INT(11) NOT NULL DEFAULT 0,
  message_transport_type         VARCHAR(20) NOT NULL DEFAULT '0',
  PRIMARY KEY (borrower_message_preference_id, message_transport_type)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE systempreferences (
  variable VARCHAR(50) NOT NULL DEFAULT '',
  value    MEDIUMTEXT NULL,
  PRIMARY KEY (variable)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE repeatable_holidays (
  id         INT(11) NOT NULL AUTO_INCREMENT,
  branchcode VARCHAR(10) NOT NULL,
  weekday    SMALLINT(6) NULL,
  day        SMALLINT(6) NULL,
  month      SMALLINT(6) NULL,
  title      VARCHAR(50) NOT NULL DEFAULT '',
  PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE special_holidays (
  id          INT(11) NOT NULL AUTO_INCREMENT,
  branchcode  VARCHAR(10) NOT NULL,
  day         SMALLINT(6) NOT NULL DEFAULT 0,
  month       SMALLINT(6) NOT NULL DEFAULT 0,
  year        SMALLINT(6) NOT NULL DEFAULT 0,
  isexception SMALLINT(1) NOT NULL DEFAULT 1,
  title       VARCHAR(50) NOT NULL DEFAULT '',
  PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- MAIN closes on Sundays and on the 25th of November 2026. EAST closes on Mondays, but not on the 23rd, and on Sundays.
-- WEST closes every 24th of November, and has nothing to say by mail of its own.
INSERT INTO branches VALUES
  ('MAIN', 'Main Library', 'main@library.example', 'desk@library.example', NULL),
  ('EAST', 'East Branch', 'east@elsewhere.example', NULL, NULL),
  ('WEST', 'West Branch', NULL, NULL, NULL);
INSERT INTO repeatable_holidays (branchcode, weekday, day, month, title) VALUES
  ('MAIN', 0, NULL, NULL, ''), ('EAST', 0, NULL, NULL, ''), ('EAST', 1, NULL, NULL, ''), ('WEST', NULL, 24, 11, 'Founding day');
INSERT INTO special_holidays (branchcode, day, month, year, isexception, title) VALUES
  ('MAIN', 25, 11, 2026, 0, 'Teachers'' Day'), ('EAST', 23, 11, 2026, 1, 'Open house');
INSERT INTO categories VALUES ('ST', 'Student', 1), ('STAFF', 'Staff', 0), ('OLD', 'Old', NULL);
INSERT INTO systempreferences VALUES ('EmailFieldPrimary', ''), ('dateformat', 'iso');
INSERT INTO message_attributes VALUES (1, 'Item_due', 0), (2, 'Advance_notice', 1), (5, 'Item_check_in', 0);

CREATE TABLE numbers (n INT NOT NULL PRIMARY KEY);
INSERT INTO numbers VALUES (1),(2),(3),(4),(5),(6),(7),(8),(9),(10),(11),(12),(13),(14),(15),(16),(17),(18),(19),(20),
  (21),(22),(23),(24),(25),(26),(27),(28),(29),(30),(31),(32),(33),(34),(35),(36),(37),(38),(39),(40);

-- Issues 1 to 40: ordinary, one a patron, of MAIN, due on the 5th of November and each day after it. All of them chose to
-- hear two days before and on the day.
INSERT INTO borrowers (borrowernumber, surname, firstname, email, branchcode, categorycode)
  SELECT n, CONCAT('Surname', n), 'First', CONCAT('p', n, '@example.org'), 'MAIN', 'ST' FROM numbers;
INSERT INTO biblio (biblionumber, title) SELECT n, CONCAT('Book ', n, ' /') FROM numbers;
INSERT INTO items (itemnumber, biblionumber, barcode) SELECT n, n, CONCAT('3000', n) FROM numbers;
INSERT INTO issues (issue_id, borrowernumber, itemnumber, date_due, branchcode, issuedate)
  SELECT n, n, n, DATE_ADD('2026-11-04 23:59:00', INTERVAL n DAY), 'MAIN', '2026-10-20 10:00:00' FROM numbers;
INSERT INTO borrower_message_preferences (borrower_message_preference_id, borrowernumber, message_attribute_id, days_in_advance)
  SELECT 1000 + n, n, 2, 2 FROM numbers;
INSERT INTO borrower_message_preferences (borrower_message_preference_id, borrowernumber, message_attribute_id)
  SELECT 2000 + n, n, 1 FROM numbers;
DROP TABLE numbers;

-- Issues 101 to 132: what goes wrong, and what patrons choose. Of MAIN, due on Tuesday the 24th at 23:59 where nothing else
-- is said. Each has an item of the same number.
INSERT INTO borrowers (borrowernumber, surname, firstname, preferred_name, email, emailpro, B_email, branchcode, categorycode, lang, anonymized) VALUES
  (101, 'NoAddress', 'A', NULL, NULL, NULL, NULL, 'MAIN', 'ST', 'default', 0),
  (102, 'Work', 'B', NULL, '', 'work@example.org', NULL, 'MAIN', 'ST', 'default', 0),
  (103, 'Other', 'C', NULL, NULL, ' ', 'other@example.org', 'MAIN', 'ST', 'default', 0),
  (104, 'Anonymous', 'D', NULL, 'anonymous@example.org', NULL, NULL, 'MAIN', 'ST', 'default', 1),
  (105, 'Lost', 'E', NULL, 'lost@example.org', NULL, NULL, 'MAIN', 'ST', 'default', 0),
  (106, 'Onsite', 'F', NULL, 'onsite@example.org', NULL, NULL, 'MAIN', 'ST', 'default', 0),
  (107, 'Claims', 'G', NULL, 'claims@example.org', NULL, NULL, 'MAIN', 'ST', 'default', 0),
  (108, 'Resolved', 'H', NULL, 'resolved@example.org', NULL, NULL, 'MAIN', 'ST', 'default', 0),
  (109, 'NoDate', 'I', NULL, 'nodate@example.org', NULL, NULL, 'MAIN', 'ST', 'default', 0),
  (110, 'Hourly', 'J', NULL, 'hourly@example.org', NULL, NULL, 'MAIN', 'ST', 'en', 0),
  (111, 'Silent', 'K', NULL, 'silent@example.org', NULL, NULL, 'MAIN', 'ST', 'default', 0),
  (112, 'SilentLate', 'L', NULL, 'silentlate@example.org', NULL, NULL, 'MAIN', 'ST', 'default', 0),
  (113, 'AdvanceOnly', 'M', NULL, 'advance@example.org', NULL, NULL, 'MAIN', 'ST', 'default', 0),
  (114, 'DueOnly', 'N', NULL, 'due@example.org', NULL, NULL, 'MAIN', 'ST', 'default', 0),
  (115, 'Sms', 'O', NULL, 'sms@example.org', NULL, NULL, 'MAIN', 'ST', 'default', 0),
  (116, 'StaffLate', 'P', NULL, 'stafflate@example.org', NULL, NULL, 'MAIN', 'STAFF', 'default', 0),
  (117, 'StaffDue', 'Q', NULL, 'staffdue@example.org', NULL, NULL, 'MAIN', 'STAFF', 'default', 0),
  (118, 'NullCategory', 'R', NULL, 'nullcategory@example.org', NULL, NULL, 'MAIN', 'OLD', 'default', 0),
  (119, 'English', 'Nine', 'Nina', 'english@example.org', NULL, NULL, 'EAST', 'ST', 'en-GB', 0),
  (120, 'TwoBranches', 'S', NULL, 'two@example.org', NULL, NULL, 'MAIN', 'ST', 'default', 0),
  (122, 'EastMonday', 'T', NULL, 'eastmonday@example.org', NULL, NULL, 'EAST', 'ST', 'default', 0),
  (123, 'West', 'U', NULL, 'west@example.org', NULL, NULL, 'WEST', 'ST', 'default', 0),
  (124, 'Returned', 'V', NULL, 'returned@example.org', NULL, NULL, 'MAIN', 'ST', 'default', 0),
  (125, 'Twice', 'W', NULL, 'twice@example.org', NULL, NULL, 'MAIN', 'ST', 'default', 0),
  (126, 'Title', 'X', NULL, 'title@example.org', NULL, NULL, 'MAIN', 'ST', 'default', 0),
  (127, 'TooOld', 'Y', NULL, 'tooold@example.org', NULL, NULL, 'MAIN', 'ST', 'default', 0),
  (128, 'Holiday', 'Z', NULL, 'holiday@example.org', NULL, NULL, 'MAIN', 'ST', 'default', 0),
  (129, 'Sunday', 'Z', NULL, 'sunday@example.org', NULL, NULL, 'MAIN', 'ST', 'default', 0),
  (130, 'Multi', 'Z', NULL, 'first@example.org, second@example.org', NULL, NULL, 'MAIN', 'ST', 'default', 0),
  (131, 'ZeroDays', 'Z', NULL, 'zero@example.org', NULL, NULL, 'MAIN', 'ST', 'default', 0),
  (132, 'NoBranch', 'Z', NULL, 'nobranch@example.org', NULL, NULL, 'MAIN', 'ST', 'default', 0);
INSERT INTO biblio (biblionumber, title, subtitle, part_number, part_name) VALUES
  (101, 'One book', NULL, NULL, NULL), (126, 'The <script> /', 'a subtitle', 'vol. 2', NULL);
INSERT INTO items (itemnumber, biblionumber, barcode, itemlost)
  SELECT borrowernumber, IF(borrowernumber = 126, 126, 101), CONCAT('X', borrowernumber), borrowernumber = 105 FROM borrowers WHERE borrowernumber > 100;
INSERT INTO items (itemnumber, biblionumber, barcode) VALUES (121, 101, 'X121');
INSERT INTO issues (issue_id, borrowernumber, itemnumber, date_due, branchcode, issuedate)
  SELECT borrowernumber, borrowernumber, borrowernumber, '2026-11-24 23:59:00', branchcode, '2026-10-20 10:00:00' FROM borrowers WHERE borrowernumber > 100;
INSERT INTO issues (issue_id, borrowernumber, itemnumber, date_due, branchcode, issuedate) VALUES
  (121, 120, 121, '2026-11-24 23:59:00', 'EAST', '2026-10-20 10:00:00');
UPDATE issues SET date_due = NULL WHERE issue_id = 109;
UPDATE issues SET date_due = '2026-11-24 14:30:00' WHERE issue_id = 110;
UPDATE issues SET date_due = '2026-11-21 23:59:00' WHERE issue_id IN (112, 116, 118);
UPDATE issues SET date_due = '2026-11-23 23:59:00' WHERE issue_id = 122;
UPDATE issues SET date_due = '2026-09-01 23:59:00' WHERE issue_id = 127;
UPDATE issues SET date_due = '2026-11-25 23:59:00' WHERE issue_id = 128;
UPDATE issues SET date_due = '2026-11-22 23:59:00' WHERE issue_id = 129;
UPDATE issues SET onsite_checkout = 1 WHERE issue_id = 106;
UPDATE issues SET returndate = '2026-11-20 10:00:00' WHERE issue_id = 124;
UPDATE issues SET branchcode = NULL WHERE issue_id = 132;
INSERT INTO return_claims (itemnumber, issue_id, resolution, resolved_on) VALUES
  (107, 107, NULL, NULL), (108, 108, 'RET_BY_PATRON', '2026-11-01 10:00:00');

-- Everybody chose both, but for those who are named. 125 has its choice twice.
INSERT INTO borrower_message_preferences (borrower_message_preference_id, borrowernumber, message_attribute_id, days_in_advance)
  SELECT 1000 + borrowernumber, borrowernumber, 2, IF(borrowernumber = 131, 0, 2) FROM borrowers
  WHERE borrowernumber > 100 AND borrowernumber NOT IN (111, 112, 114);
INSERT INTO borrower_message_preferences (borrower_message_preference_id, borrowernumber, message_attribute_id)
  SELECT 2000 + borrowernumber, borrowernumber, 1 FROM borrowers WHERE borrowernumber > 100 AND borrowernumber NOT IN (111, 112, 113);
INSERT INTO borrower_message_preferences (borrower_message_preference_id, borrowernumber, message_attribute_id, days_in_advance)
  VALUES (3125, 125, 2, 1), (4125, 125, 1, NULL);
-- A default of a category, and another kind of message, say nothing about a patron.
INSERT INTO borrower_message_preferences (borrower_message_preference_id, categorycode, message_attribute_id, days_in_advance) VALUES (5000, 'ST', 2, 9);
INSERT INTO borrower_message_preferences (borrower_message_preference_id, borrowernumber, message_attribute_id) VALUES (5001, 111, 5);
INSERT INTO borrower_message_transport_preferences
  SELECT borrower_message_preference_id, IF(borrowernumber = 115, 'sms', 'email') FROM borrower_message_preferences;
INSERT INTO borrower_message_transport_preferences VALUES (1125, 'sms'), (2125, 'sms');
