-- That a person has spoken to a borrower about a loan, or written in another way than by this program.

-- +goose Up
CREATE TABLE IF NOT EXISTS reminder_contacts (
    loan_id      VARCHAR(100) NOT NULL,
    due_date     DATE         NOT NULL,
    borrower_id  VARCHAR(100) NOT NULL,
    way          VARCHAR(12)  NOT NULL COMMENT 'spoken, whatsapp or letter',
    contacted_at DATETIME(6)  NOT NULL,
    PRIMARY KEY (loan_id, due_date),
    KEY borrower_id (borrower_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
