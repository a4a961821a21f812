# Where

variable "project_id" {
  description = "The Google Cloud project: its id, not its number."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id is 6 to 30 small letters, digits and hyphens, begins with a letter and does not end with a hyphen."
  }
}

variable "region" {
  description = "The region of everything. asia-southeast2 is Jakarta."
  type        = string
  default     = "asia-southeast2"

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]{1,2}$", var.region))
    error_message = "region is a region such as asia-southeast2, without a zone's letter."
  }
}

variable "name" {
  description = "The name of the function, and the beginning of every other name. Two libraries in one project have two names."
  type        = string
  default     = "pengingat"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "name is 3 to 20 small letters, digits and hyphens, begins with a letter and does not end with a hyphen."
  }
}

variable "labels" {
  description = "Labels on everything that can carry them, beside app and managed_by."
  type        = map(string)
  default     = {}

  validation {
    condition = alltrue([for key, value in var.labels :
    can(regex("^[a-z][a-z0-9_-]{0,62}$", key)) && can(regex("^[a-z0-9_-]{0,63}$", value))])
    error_message = "Labels are small letters, digits, hyphens and underscores, and their keys begin with a letter."
  }
}

variable "archive" {
  description = "The function's source, which `make package` writes."
  type        = string
  default     = "../dist/pengingat-function.zip"

  validation {
    condition     = fileexists(var.archive)
    error_message = "There is no such file. `make package` in the repository's root writes dist/pengingat-function.zip."
  }
}

# The library

variable "library_name" {
  description = "The library's name, as mails say it (APP_NAME)."
  type        = string
  default     = "Perpustakaan"

  validation {
    condition     = trimspace(var.library_name) != ""
    error_message = "library_name must not be empty."
  }
}

variable "locale" {
  description = "The language of mails to borrowers without one of their own: id or en (APP_LOCALE)."
  type        = string
  default     = "id"

  validation {
    condition     = contains(["id", "en"], var.locale)
    error_message = "locale is id or en."
  }
}

variable "time_zone" {
  description = "The library's time zone, for its days, its window and the schedule of the runs (APP_TIMEZONE)."
  type        = string
  default     = "Asia/Jakarta"

  validation {
    condition     = can(regex("^(UTC|[A-Z][A-Za-z]+(/[A-Z][A-Za-z0-9_+-]*)+)$", var.time_zone))
    error_message = "time_zone is a name of the IANA database, such as Asia/Jakarta, Asia/Makassar or Asia/Jayapura."
  }
}

variable "reminder_schedule" {
  description = "The days on which a loan is reminded of, from its due date; +7 at the end repeats every 7 days (REMINDER_SCHEDULE)."
  type        = string
  default     = "-1,0,1,3,7,+7"

  validation {
    condition     = can(regex("^-?[0-9]{1,3}(,-?[0-9]{1,3})*(,\\+[1-9][0-9]{0,2})?$", var.reminder_schedule))
    error_message = "reminder_schedule is increasing days with commas and without spaces, such as -1,0,1,3,7,+7; only the last may have a +, which repeats."
  }
}

variable "settings" {
  description = "Any other setting of the function, by its environment key, such as { REMINDER_ONLY_TO = \"me@example.org\" }."
  type        = map(string)
  default     = {}

  validation {
    condition = length(setsubtract(keys(var.settings), local.free_settings)) == 0
    error_message = format("%s: not a setting, one that has a variable of its own, or a secret. Left to be set here: %s.",
    join(", ", setsubtract(keys(var.settings), local.free_settings)), join(", ", local.free_settings))
  }

  validation {
    condition     = lookup(var.settings, "MAIL_FEEDBACK", "") != "imap" || lookup(var.settings, "IMAP_USERNAME", try(var.smtp.username, "")) != ""
    error_message = "MAIL_FEEDBACK = \"imap\" needs a login: smtp.username, or settings.IMAP_USERNAME with imap_password."
  }

  validation {
    condition     = lookup(var.settings, "MAIL_FEEDBACK", "") != "sendgrid" || var.mailer == "sendgrid"
    error_message = "MAIL_FEEDBACK = \"sendgrid\" is for mailer = \"sendgrid\"."
  }
}

# The mail

variable "mailer" {
  description = "How mail is sent: smtp or sendgrid (MAIL_MAILER)."
  type        = string
  default     = "smtp"

  validation {
    condition     = contains(["smtp", "sendgrid"], var.mailer)
    error_message = "mailer is smtp or sendgrid. Files would be lost with the function's disk."
  }
}

variable "mail_from_address" {
  description = "Who the mails come from (MAIL_FROM_ADDRESS)."
  type        = string

  validation {
    condition     = can(regex("^[^@ ,<>]+@[^@ ,<>]+\\.[^@ ,<>]+$", var.mail_from_address))
    error_message = "mail_from_address is one e-mail address, without a name."
  }
}

variable "smtp" {
  description = "The mail server, for mailer = \"smtp\". Port 465 is TLS from the first byte, any other port STARTTLS. Google Cloud lets nothing out to port 25."
  type = object({
    host     = string
    port     = optional(number, 587)
    username = optional(string, "")
  })
  default = null

  validation {
    condition     = var.mailer != "smtp" || var.smtp != null
    error_message = "mailer = \"smtp\" needs smtp = { host = … }."
  }

  validation {
    condition     = var.smtp == null || try(var.smtp.port != 25 && var.smtp.port >= 1 && var.smtp.port <= 65535, false)
    error_message = "smtp.port is 587 or 465 as a rule; Google Cloud lets nothing out to port 25."
  }
}

variable "mail_password" {
  description = "The password of smtp.username; for Gmail an App Password. It is stored in Secret Manager only."
  type        = string
  default     = ""
  sensitive   = true
  ephemeral   = true

  validation {
    condition     = var.mailer != "smtp" || try(var.smtp.username, "") == "" || var.mail_password != ""
    error_message = "smtp.username needs mail_password: set TF_VAR_mail_password."
  }
}

variable "sendgrid_api_key" {
  description = "SendGrid's API key, for mailer = \"sendgrid\". It is stored in Secret Manager only."
  type        = string
  default     = ""
  sensitive   = true
  ephemeral   = true

  validation {
    condition     = var.mailer != "sendgrid" || var.sendgrid_api_key != ""
    error_message = "mailer = \"sendgrid\" needs sendgrid_api_key: set TF_VAR_sendgrid_api_key."
  }
}

variable "imap_password" {
  description = <<-EOT
    The password of settings.IMAP_USERNAME, for settings.MAIL_FEEDBACK = "imap" with another login than the one that sends. It is
    stored in Secret Manager only. Whoever has it can read that mailbox: use one that is for nothing else.
  EOT
  type        = string
  default     = ""
  sensitive   = true
  ephemeral   = true

  validation {
    condition     = lookup(var.settings, "MAIL_FEEDBACK", "") != "imap" || lookup(var.settings, "IMAP_USERNAME", "") == "" || var.imap_password != ""
    error_message = "settings.IMAP_USERNAME needs imap_password: set TF_VAR_imap_password."
  }
}

# The database

variable "database" {
  description = <<-EOT
    The library's database. One of three:
    connection_name, an existing Cloud SQL instance (project:region:instance) that has a private address in var.network;
    host, any other MySQL or MariaDB, in var.network or on the Internet. It must speak TLS: tls is "true" (its certificate is valid
    for host) or "verify-ca" (it is signed by ca_certificate, whatever name it has). ca_certificate is the PEM text of an authority of
    your own, file("ca.pem");
    create, a new Cloud SQL instance with a network of its own.
  EOT
  type = object({
    name            = optional(string, "perpustakaan")
    user            = optional(string, "pengingat")
    connection_name = optional(string)
    host            = optional(string)
    port            = optional(number, 3306)
    tls             = optional(string)
    ca_certificate  = optional(string, "")
    create = optional(object({
      tier                = optional(string, "db-f1-micro")
      disk_gb             = optional(number, 10)
      high_availability   = optional(bool, false)
      deletion_protection = optional(bool, true)
    }))
  })

  validation {
    condition     = length([for given in [var.database.connection_name, var.database.host, var.database.create] : given if given != null]) == 1
    error_message = "database needs exactly one of connection_name, host and create."
  }

  validation {
    condition     = try(var.database.connection_name, null) == null || can(regex("^([a-z][a-z0-9.:-]+):[a-z]+-[a-z]+[0-9]+:[a-z][a-z0-9-]*$", var.database.connection_name))
    error_message = "database.connection_name is project:region:instance."
  }

  validation {
    condition     = var.database.connection_name == null || var.network != null
    error_message = "database.connection_name needs network: the one in which the instance has its private address."
  }

  validation {
    condition     = var.database.create == null || var.network == null
    error_message = "database.create makes a network of its own; leave network out."
  }

  validation {
    condition     = var.database.tls == null || contains(["true", "verify-ca"], coalesce(var.database.tls, "true"))
    error_message = "database.tls is \"true\" or \"verify-ca\". Without TLS the password and borrowers' names would cross the network in the clear."
  }

  validation {
    condition     = var.database.tls != "verify-ca" || var.database.host == null || var.database.ca_certificate != ""
    error_message = "database.tls = \"verify-ca\" needs database.ca_certificate: what else could be verified?"
  }

  validation {
    condition     = can(regex("^(-----BEGIN CERTIFICATE-----|$)", trimspace(var.database.ca_certificate)))
    error_message = "database.ca_certificate is the text of a PEM certificate: file(\"ca.pem\")."
  }

  validation {
    condition     = var.network != null || !can(regex("^(10\\.|192\\.168\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.)", coalesce(var.database.host, "none")))
    error_message = "database.host is a private address, which is reached in var.network only."
  }

  validation {
    condition     = can(regex("^[A-Za-z0-9_$-]{1,64}$", var.database.name)) && can(regex("^[A-Za-z0-9_-]{1,32}$", var.database.user))
    error_message = "database.name and database.user are letters, digits, hyphens and underscores."
  }

  validation {
    condition     = var.database.port >= 1 && var.database.port <= 65535
    error_message = "database.port is a port."
  }

  validation {
    condition     = var.database.create == null || can(regex("^db-(f1-micro|g1-small|custom-[0-9]+-[0-9]+|n1-.+)$", try(var.database.create.tier, "")))
    error_message = "database.create.tier is db-f1-micro, db-g1-small or db-custom-CPUS-MEGABYTES."
  }

  validation {
    condition     = var.database.create == null || try(var.database.create.disk_gb, 0) >= 10
    error_message = "database.create.disk_gb is 10 or more."
  }
}

variable "network" {
  description = "An existing network and a subnetwork of it in the region (/26 or larger), for a database with a private address."
  type = object({
    network    = string
    subnetwork = string
  })
  default = null
}

variable "database_password" {
  description = "The password of database.user. It is stored in Secret Manager only."
  type        = string
  sensitive   = true
  ephemeral   = true

  validation {
    condition     = length(var.database_password) >= 12
    error_message = "database_password has at least 12 characters."
  }
}

variable "database_admin_password" {
  description = "The password of the database user that may create tables and views; for database.create and for migrate. It is stored in Secret Manager only."
  type        = string
  default     = ""
  sensitive   = true
  ephemeral   = true

  validation {
    condition     = var.database.create == null && var.migrate == null || length(var.database_admin_password) >= 12
    error_message = "database.create and migrate need database_admin_password, of at least 12 characters: set TF_VAR_database_admin_password."
  }
}

variable "migrate" {
  description = "The program beside the database, as two jobs: migrate and desk. image is the program's, as docs/cloud.md builds it; without it there are no jobs. user may create tables."
  type = object({
    image  = string
    source = optional(string, "perpustakaan")
    user   = optional(string, "pengingat_admin")
  })
  default = null

  validation {
    condition     = var.migrate == null || can(regex("^[a-z0-9-]+-docker\\.pkg\\.dev/[^ ]+[:@][^ ]+$", try(var.migrate.image, "")))
    error_message = "migrate.image is an image of Artifact Registry with its tag or digest."
  }

  validation {
    condition     = var.migrate == null || can(regex("^[a-z]*$", try(var.migrate.source, "-")))
    error_message = "migrate.source is a library system that `pengingat migrate --help` lists, or \"\" for tables without a view."
  }
}

variable "secret_generations" {
  description = "Count a secret's number up to replace its value, such as { MAIL_PASSWORD = 2 }."
  type        = map(number)
  default     = {}

  validation {
    condition = alltrue([for key, n in var.secret_generations :
    contains(["DB_PASSWORD", "MAIL_PASSWORD", "IMAP_PASSWORD", "SENDGRID_API_KEY", "DB_ADMIN_PASSWORD"], key) && n >= 1 && floor(n) == n])
    error_message = "secret_generations has whole numbers from 1, by DB_PASSWORD, MAIL_PASSWORD, IMAP_PASSWORD, SENDGRID_API_KEY or DB_ADMIN_PASSWORD."
  }
}

# The runs

variable "schedules" {
  description = "When runs begin, in time_zone, as cron says it. The hourly one stands at an odd minute, when mail servers have less to do, and runs at night too: it then reports that it is closed, and its absence is noticed."
  type = object({
    hourly = optional(string, "17 * * * *")
    daily  = optional(string, "0 7 * * *")
  })
  default = {}

  validation {
    condition     = alltrue([for cron in values(var.schedules) : can(regex(local.cron_pattern, cron))])
    error_message = "A schedule is five fields of cron (minute, hour, day, month, weekday) in numbers, such as 17 * * * *."
  }
}

variable "scheduler_parallelism" {
  description = "How many runs begin at the same minute and share the outbox. One is enough for some thousand mails an hour (docs/scale.md)."
  type        = number
  default     = 1

  validation {
    condition     = var.scheduler_parallelism >= 1 && var.scheduler_parallelism <= 100 && floor(var.scheduler_parallelism) == var.scheduler_parallelism
    error_message = "scheduler_parallelism is a whole number from 1 to 100."
  }
}

variable "retry_count" {
  description = "How often Cloud Scheduler repeats a run that did not answer with 200."
  type        = number
  default     = 3

  validation {
    condition     = var.retry_count >= 0 && var.retry_count <= 5 && floor(var.retry_count) == var.retry_count
    error_message = "retry_count is a whole number from 0 to 5."
  }
}

variable "seconds" {
  description = <<-EOT
    The ladder of times. budget: a run begins no email later than this after it has reached the database, for which a cold start
    waits up to 90 seconds. function: the platform gives up on the answer.
    attempt: Cloud Scheduler does. lease: an email that a dead run had claimed is free again. In this order no run is started
    beside one that still works, and none outlives its claims.
  EOT
  type = object({
    budget   = optional(number, 240)
    function = optional(number, 600)
    attempt  = optional(number, 660)
    lease    = optional(number, 900)
  })
  default = {}

  validation {
    condition     = var.seconds.budget >= 30 && var.seconds.budget + 90 < var.seconds.function && var.seconds.function < var.seconds.attempt && var.seconds.attempt < var.seconds.lease
    error_message = "seconds must rise: 30 <= budget, budget + 90 < function < attempt < lease. The 90 are for a cold start's first connection."
  }

  validation {
    condition     = var.seconds.attempt >= 15 && var.seconds.attempt <= 1800
    error_message = "seconds.attempt is at most 1800, Cloud Scheduler's limit."
  }

  validation {
    condition     = alltrue([for n in values(var.seconds) : floor(n) == n])
    error_message = "seconds are whole numbers."
  }
}

variable "function_size" {
  description = "What one instance gets."
  type = object({
    cpu    = optional(string, "1")
    memory = optional(string, "256Mi")
  })
  default = {}

  validation {
    condition     = can(regex("^(0\\.[0-9]+|[1248])$", var.function_size.cpu)) && can(regex("^[1-9][0-9]*(Mi|Gi)$", var.function_size.memory))
    error_message = "function_size is such as { cpu = \"1\", memory = \"256Mi\" }."
  }
}

# Watching

variable "alerts" {
  description = "Whether to watch: metrics, a dashboard, and alerts with a runbook each. It needs alert_email or notification_channels."
  type        = bool
  default     = true

  # An alert that reaches nobody costs money and looks like care.
  validation {
    condition     = !var.alerts || var.alert_email != "" || length(var.notification_channels) > 0
    error_message = "Who gets the alerts? Set alert_email (or notification_channels), or alerts = false."
  }
}

variable "alert_email" {
  description = "Who gets the alerts."
  type        = string
  default     = ""

  validation {
    condition     = var.alert_email == "" || can(regex("^[^@ ,<>]+@[^@ ,<>]+\\.[^@ ,<>]+$", var.alert_email))
    error_message = "alert_email is one e-mail address."
  }
}

variable "notification_channels" {
  description = "More channels for the alerts, by their names (projects/…/notificationChannels/…)."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for channel in var.notification_channels : can(regex("^projects/[^/]+/notificationChannels/[0-9]+$", channel))])
    error_message = "A channel is projects/PROJECT/notificationChannels/NUMBER."
  }
}

variable "refused_calls_an_hour" {
  description = "How many refused calls in an hour are more than usual. Nobody but Cloud Scheduler has a reason to call."
  type        = number
  default     = 20

  validation {
    condition     = var.refused_calls_an_hour >= 0
    error_message = "refused_calls_an_hour is a number from 0."
  }
}

variable "runbooks" {
  description = "Where the runbooks are read, for the links in the alerts."
  type        = string
  default     = "https://github.com/mtsn6garut/pengingat/blob/main/docs/runbooks"

  validation {
    condition     = can(regex("^https://[^ ]+[^/ ]$", var.runbooks))
    error_message = "runbooks is an https address without a slash at its end."
  }
}
