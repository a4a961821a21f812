-- Who is told what a class has not brought back. A person enters it; what the library's own system knows is in a view.

-- +goose Up
CREATE TABLE IF NOT EXISTS reminder_groups (
    group_name    VARCHAR(90)  NOT NULL COMMENT 'as in reminder_loans',
    teacher_name  VARCHAR(100) NOT NULL DEFAULT '',
    teacher_email VARCHAR(255) NOT NULL,
    PRIMARY KEY (group_name)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
