-- What came back: where an email was sent, as a digest, so that nobody can speak for an address that was not used; and a row for
-- each email that came back. Each statement can be run again after a crash in or behind it, as in 00002.
-- TiDB puts no column behind one that the same ALTER adds.

-- +goose Up
SET @reminder_change = IF((SELECT COUNT(*) FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'reminder_emails' AND column_name = 'bounced_at') > 0, 'DO 0',
    'ALTER TABLE reminder_emails
        ADD COLUMN address BINARY(32) NULL COMMENT ''SHA-256 of where it was handed over to, in lower case'' AFTER handover_at,
        ADD COLUMN bounce_code VARCHAR(12) NOT NULL DEFAULT '''' AFTER sent_at,
        ADD COLUMN bounced_at DATETIME(6) NULL AFTER sent_at');
PREPARE reminder_change FROM @reminder_change;
EXECUTE reminder_change;

CREATE TABLE IF NOT EXISTS reminder_bounces (
    email_id    BIGINT UNSIGNED NOT NULL,
    run_id      VARCHAR(32)     NOT NULL,
    borrower_id VARCHAR(100)    NOT NULL,
    address     BINARY(32)      NOT NULL COMMENT 'as in reminder_emails',
    class       VARCHAR(12)     NOT NULL,
    code        VARCHAR(12)     NOT NULL DEFAULT '',
    reason      VARCHAR(255)    NOT NULL DEFAULT '',
    bad         TINYINT         NOT NULL COMMENT '0 no, 1 the address is to be marked, 2 it is',
    came_at     DATETIME(6)     NOT NULL,
    PRIMARY KEY (email_id),
    KEY run_id (run_id),
    KEY borrower_id (borrower_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
