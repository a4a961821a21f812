# One library's reminders on Google Cloud: a private function, the clock that calls it, what it may read, and who is told when
# it does not. docs/cloud.md goes through it from an empty project; deploy/cloud/deploy.sh does the same without Terraform.

locals {
  labels = merge(var.labels, { app = var.name, managed_by = "terraform" })

  # What can be set through var.settings: every key of reminder/setup/config.go but the secrets, those with a variable of their
  # own, and those that mean nothing here. A test of the repository compares.
  free_settings = [
    "APP_URL",
    "DB_CONNECTIONS",
    "IMAP_ENCRYPTION",
    "IMAP_HOST",
    "IMAP_PORT",
    "IMAP_USERNAME",
    "LOG_LEVEL",
    "MAIL_AUTH",
    "MAIL_CONCURRENCY",
    "MAIL_DAILY_LIMIT",
    "MAIL_FEEDBACK",
    "MAIL_FROM_ALLOWED",
    "MAIL_FROM_NAME",
    "MAIL_MAX_PER_CONNECTION",
    "MAIL_RATE",
    "MAIL_REPLY_TO",
    "MAIL_TIMEOUT",
    "MAIL_TRIES",
    "MAIL_UNSUBSCRIBE",
    "REMINDER_BEFORE_CLOSURE",
    "REMINDER_CLASS_DAY",
    "REMINDER_CLOSED_WEEKDAYS",
    "REMINDER_GUARDIAN_FROM",
    "REMINDER_KEEP",
    "REMINDER_MAX_OVERDUE_DAYS",
    "REMINDER_MAX_PER_RUN",
    "REMINDER_MIN_DAYS",
    "REMINDER_ONLY_TO",
    "REMINDER_OPENING_HOURS",
    "REMINDER_RENEW_URL",
    "REMINDER_SUMMARY_TO",
    "REMINDER_TITLE_IN_SUBJECT",
    "REMINDER_UNKNOWN",
    "REMINDER_WINDOW",
    "SENDGRID_HOST",
    "SENDGRID_SANDBOX",
  ]

  # Lists of numbers, ranges, * and steps; each number within what its field can hold.
  cron_fields = [
    for n in ["[0-5]?[0-9]", "(?:1?[0-9]|2[0-3])", "(?:[1-9]|[12][0-9]|3[01])", "(?:[1-9]|1[0-2])", "[0-7]"] :
    format("(?:\\*|%s(?:-%s)?)(?:/[1-9][0-9]?)?(?:,(?:\\*|%s(?:-%s)?)(?:/[1-9][0-9]?)?)*", n, n, n, n)
  ]
  cron_pattern = format("^%s$", join(" ", local.cron_fields))

  services = toset(concat(
    [
      "artifactregistry.googleapis.com",
      "cloudbuild.googleapis.com",
      "cloudfunctions.googleapis.com",
      "cloudresourcemanager.googleapis.com",
      "cloudscheduler.googleapis.com",
      "iam.googleapis.com",
      "logging.googleapis.com",
      "monitoring.googleapis.com",
      "run.googleapis.com",
      "secretmanager.googleapis.com",
      "storage.googleapis.com",
    ],
    var.network != null || var.database.create != null ? ["compute.googleapis.com"] : [],
    var.database.connection_name != null || var.database.create != null ? ["sqladmin.googleapis.com"] : [],
    var.database.create != null ? ["servicenetworking.googleapis.com"] : [],
  ))
}

# Other things in the project may need them, so they stay when this goes.
resource "google_project_service" "needed" {
  for_each = local.services

  service            = each.key
  disable_on_destroy = false
}
