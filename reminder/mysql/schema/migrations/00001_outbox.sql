-- The outbox and what belongs to it. See package reminder for the meaning of the states.
--
-- Every CREATE is IF NOT EXISTS: MySQL cannot roll back DDL, so a migration that was cut off in the middle is run again
-- from its beginning. Ids are text in a binary collation, because a library's system may tell 'a1' from 'A1' and a unique
-- key must not merge them. Instants are UTC. There are no foreign keys: some MySQL-compatible systems have none, and the
-- rows that belong together are written in one transaction. TiDB changes no primary key afterwards, so there the table of notices
-- begins with the key that 00002 gives it elsewhere; what only TiDB reads stands in comments for it.

-- +goose Up
CREATE TABLE IF NOT EXISTS reminder_emails (
    id           BIGINT UNSIGNED   NOT NULL AUTO_INCREMENT,
    ref          VARCHAR(32)       NOT NULL COMMENT 'random; in the Message-ID and at the provider',
    borrower_id  VARCHAR(100)      NOT NULL,
    run_id       VARCHAR(32)       NOT NULL COMMENT 'the run that promised it',
    priority     TINYINT UNSIGNED  NOT NULL COMMENT '0 due today, 1 before due, 2 first late, 3 repeat',
    state        VARCHAR(10)       NOT NULL,
    reason       VARCHAR(255)      NOT NULL DEFAULT '',
    attempts     SMALLINT UNSIGNED NOT NULL DEFAULT 0,
    unknowns     SMALLINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'hand-overs of unknown outcome',
    crashes      SMALLINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'claims whose run died before the hand-over',
    next_at      DATETIME(6)       NOT NULL COMMENT 'not to be claimed before',
    claim_token  VARCHAR(32)       NULL COMMENT 'fence; kept after the claim to recognise a repeated write',
    lease_until  DATETIME(6)       NULL,
    message_id   VARCHAR(255)      NULL,
    message_date DATETIME          NULL,
    handover_at  DATETIME(6)       NULL,
    receipt_id   VARCHAR(255)      NOT NULL DEFAULT '',
    created_at   DATETIME(6)       NOT NULL,
    sent_at      DATETIME(6)       NULL,
    ended_at     DATETIME(6)       NULL,
    PRIMARY KEY (id),
    UNIQUE KEY ref (ref),
    KEY claim (state, priority, next_at, id),
    KEY claim_token (claim_token),
    KEY handover_at (handover_at),
    KEY borrower_id (borrower_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS reminder_notices (
    loan_id  VARCHAR(100)      NOT NULL,
    due_date DATE              NOT NULL,
    /*T! kind VARCHAR(20)      NOT NULL DEFAULT 'loan', */
    step     SMALLINT          NOT NULL COMMENT 'days from the due date, as in the schedule',
    email_id BIGINT UNSIGNED   NOT NULL,
    number   SMALLINT UNSIGNED NOT NULL COMMENT 'which late reminder it is; 0 when not late',
    dropped  VARCHAR(32)       NOT NULL DEFAULT '' COMMENT 'why the borrower was not told; empty: told, or on the way',
    PRIMARY KEY (loan_id, due_date, /*T! kind, */ step),
    KEY email_id (email_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS reminder_runs (
    run_id      VARCHAR(32)  NOT NULL,
    started_at  DATETIME(6)  NOT NULL,
    finished_at DATETIME(6)  NULL COMMENT 'NULL: running, or it died',
    outcome     VARCHAR(10)  NOT NULL DEFAULT '',
    reason      VARCHAR(255) NOT NULL DEFAULT '',
    report      TEXT         NOT NULL COMMENT 'JSON',
    PRIMARY KEY (run_id),
    KEY started_at (started_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS reminder_state (
    name        VARCHAR(20)  NOT NULL COMMENT 'pause_person or pause_mail',
    kind        VARCHAR(20)  NOT NULL,
    reason      VARCHAR(255) NOT NULL,
    until_at    DATETIME(6)  NULL COMMENT 'NULL: until it is lifted',
    fingerprint VARCHAR(64)  NOT NULL DEFAULT '',
    PRIMARY KEY (name)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS reminder_closed_days (
    first_day DATE         NOT NULL,
    last_day  DATE         NOT NULL COMMENT 'inclusive',
    name      VARCHAR(100) NOT NULL DEFAULT '',
    PRIMARY KEY (first_day, last_day)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS reminder_opt_outs (
    borrower_id VARCHAR(100) NOT NULL,
    since       DATETIME     NOT NULL,
    PRIMARY KEY (borrower_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS reminder_bad_addresses (
    borrower_id VARCHAR(100) NOT NULL,
    digest      BINARY(32)   NOT NULL COMMENT 'SHA-256 of the address that was refused, in lower case',
    reason      VARCHAR(255) NOT NULL,
    since       DATETIME     NOT NULL,
    PRIMARY KEY (borrower_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
