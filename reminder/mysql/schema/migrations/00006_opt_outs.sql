-- How a borrower said that they want no reminders. Each statement can be run again after a crash in or behind it, as in 00002.

-- +goose Up
SET @reminder_change = IF((SELECT COUNT(*) FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'reminder_opt_outs' AND column_name = 'how') > 0, 'DO 0',
    'ALTER TABLE reminder_opt_outs
        ADD COLUMN how VARCHAR(12) NOT NULL DEFAULT '''' COMMENT ''answer, complaint; empty: a person entered it''');
PREPARE reminder_change FROM @reminder_change;
EXECUTE reminder_change;
