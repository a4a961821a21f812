-- What a notice is about, and to whom it goes: a column that is part of the key. Until here an empty borrower_id and an empty
-- loan_id stood for the librarian's summary. What goes first gets a priority below 0.
--
-- MySQL cannot roll back DDL. So each statement can be run again after a crash in or behind it: an ALTER is atomic, and runs
-- only while the column is missing; an UPDATE finds only rows that it has not changed. A run of the former version that is
-- at work meanwhile goes on: what it writes about loans gets the default.

-- +goose Up
SET @reminder_change = IF((SELECT COUNT(*) FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'reminder_emails' AND column_name = 'kind') > 0, 'DO 0',
    'ALTER TABLE reminder_emails
        ADD COLUMN kind VARCHAR(20) NOT NULL DEFAULT ''loan'' AFTER ref,
        MODIFY borrower_id VARCHAR(100) NOT NULL COMMENT ''by what the kind knows its recipient; never an address'',
        MODIFY priority TINYINT NOT NULL COMMENT ''-1 first, 0 due today, 1 before due, 2 first late, 3 repeat''');
PREPARE reminder_change FROM @reminder_change;
EXECUTE reminder_change;
UPDATE reminder_emails SET kind = 'summary', priority = -1 WHERE borrower_id = '' AND kind = 'loan';

SET @reminder_change = IF((SELECT COUNT(*) FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'reminder_notices' AND column_name = 'kind') > 0, 'DO 0',
    'ALTER TABLE reminder_notices
        ADD COLUMN kind VARCHAR(20) NOT NULL DEFAULT ''loan'' AFTER due_date,
        MODIFY loan_id VARCHAR(100) NOT NULL COMMENT ''or what else the kind is about'',
        MODIFY due_date DATE NOT NULL COMMENT ''or the day that the kind is about'',
        DROP PRIMARY KEY, ADD PRIMARY KEY (loan_id, due_date, kind, step)');
PREPARE reminder_change FROM @reminder_change;
EXECUTE reminder_change;
UPDATE reminder_notices SET kind = 'summary' WHERE loan_id = '' AND kind = 'loan';
