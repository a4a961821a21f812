# Every validation refuses what it should, at plan, before anything is made. The first run shows that the rest of what the others
# say is right. A run passes only when each of its variables is refused, so those that know nothing of each other share one.

mock_provider "google" {}

variables {
  project_id        = "perpustakaan-mtsn6"
  archive           = "tests/archive.txt"
  mail_from_address = "perpustakaan@example.sch.id"
  smtp              = { host = "smtp.example.sch.id" }
  database_password = "basis-data-rahasia-123"
  database          = { host = "db.example.sch.id" }
  alert_email       = "pustakawan@example.sch.id"
}

run "accepted" {
  command = plan
}

run "each_by_itself_1" {
  command = plan
  variables {
    project_id            = "123456789"                       # project number
    region                = "asia-southeast2-a"               # region with zone
    name                  = "Pengingat Buku"                  # name with space
    labels                = { Sekolah = "mtsn6" }             # label in capitals
    archive               = "tests/none.zip"                  # no archive
    library_name          = " "                               # no library
    locale                = "jv"                              # locale unknown
    time_zone             = "WIB"                             # zone abbreviated
    reminder_schedule     = "daily"                           # schedule in words
    settings              = { DB_PASSWORD = "x" }             # secret among settings
    mail_from_address     = "Perpustakaan <p@example.sch.id>" # sender with name
    database_password     = "rahasia"                         # password short
    secret_generations    = { MAIL_PASWORD = 2 }              # generation of nothing
    schedules             = { hourly = "60 * * * *" }         # cron minute 60
    scheduler_parallelism = 0                                 # no runs
    retry_count           = 6                                 # retries 6
    seconds               = { budget = 600 }                  # budget above function
    function_size         = { memory = "256" }                # memory without unit
    alert_email           = "pustakawan"                      # receiver without domain
    notification_channels = ["123"]                           # channel by number
    refused_calls_an_hour = -1                                # refused negative
    runbooks              = "http://example.org/runbooks"     # runbooks over http
  }
  expect_failures = [
    var.project_id,
    var.region,
    var.name,
    var.labels,
    var.archive,
    var.library_name,
    var.locale,
    var.time_zone,
    var.reminder_schedule,
    var.settings,
    var.mail_from_address,
    var.database_password,
    var.secret_generations,
    var.schedules,
    var.scheduler_parallelism,
    var.retry_count,
    var.seconds,
    var.function_size,
    var.alert_email,
    var.notification_channels,
    var.refused_calls_an_hour,
    var.runbooks,
  ]
}

run "each_by_itself_2" {
  command = plan
  variables {
    name                  = "pengingat-perpustakaan-mtsn-6" # name too long
    time_zone             = "+07:00"                        # zone as offset
    reminder_schedule     = "0,+1,+7"                       # schedule repeats twice
    settings              = { REMINDER_SHEDULE = "0" }      # setting unknown
    secret_generations    = { MAIL_PASSWORD = 0 }           # generation zero
    schedules             = { hourly = "0 17 * * * *" }     # cron six fields
    scheduler_parallelism = 1.5                             # half a run
    retry_count           = -1                              # retries negative
    seconds               = { function = 660 }              # function above attempt
    function_size         = { cpu = "3" }                   # cpu 3
  }
  expect_failures = [
    var.name,
    var.time_zone,
    var.reminder_schedule,
    var.settings,
    var.secret_generations,
    var.schedules,
    var.scheduler_parallelism,
    var.retry_count,
    var.seconds,
    var.function_size,
  ]
}

run "each_by_itself_3" {
  command = plan
  variables {
    settings  = { REMINDER_LEASE = "1s" }     # setting with own variable
    schedules = { daily = "every day 07:00" } # cron in words
    seconds   = { attempt = 900 }             # attempt above lease
  }
  expect_failures = [
    var.settings,
    var.schedules,
    var.seconds,
  ]
}

run "each_by_itself_4" {
  command = plan
  variables {
    schedules = { daily = "0 24 * * *" }         # cron hour 24
    seconds   = { attempt = 1801, lease = 3600 } # attempt above limit
  }
  expect_failures = [
    var.schedules,
    var.seconds,
  ]
}

run "each_by_itself_5" {
  command = plan
  variables {
    seconds = { budget = 0 } # budget zero
  }
  expect_failures = [
    var.seconds,
  ]
}

run "each_by_itself_6" {
  command = plan
  variables {
    seconds = { budget = 240.5 } # seconds and a half
  }
  expect_failures = [
    var.seconds,
  ]
}

run "mailer_file" {
  command = plan
  variables {
    mailer = "file"
  }
  expect_failures = [var.mailer]
}

run "no_server" {
  command = plan
  variables {
    smtp = null
  }
  expect_failures = [var.smtp]
}

run "port_25" {
  command = plan
  variables {
    smtp = { host = "smtp.example.sch.id", port = 25 }
  }
  expect_failures = [var.smtp]
}

run "login_without_password" {
  command = plan
  variables {
    smtp = { host = "smtp.example.sch.id", username = "p" }
  }
  expect_failures = [var.mail_password]
}

run "mailbox_without_password" {
  command = plan
  variables {
    settings = { MAIL_FEEDBACK = "imap", IMAP_USERNAME = "kembali@example.sch.id" }
  }
  expect_failures = [var.imap_password]
}

run "mailbox_without_login" {
  command = plan
  variables {
    settings = { MAIL_FEEDBACK = "imap" }
  }
  expect_failures = [var.settings]
}

run "feedback_of_another_service" {
  command = plan
  variables {
    settings = { MAIL_FEEDBACK = "sendgrid" }
  }
  expect_failures = [var.settings]
}

run "sendgrid_without_key" {
  command = plan
  variables {
    mailer = "sendgrid"
  }
  expect_failures = [var.sendgrid_api_key]
}

run "two_databases" {
  command = plan
  variables {
    database                = { host = "a", create = {} }
    database_admin_password = "pengelola-rahasia-123"
  }
  expect_failures = [var.database]
}

run "no_database" {
  command = plan
  variables {
    database = {}
  }
  expect_failures = [var.database]
}

run "connection_name_short" {
  command = plan
  variables {
    database = { connection_name = "utama" }
    network  = { network = "n", subnetwork = "s" }
  }
  expect_failures = [var.database]
}

run "connection_without_network" {
  command = plan
  variables {
    database = { connection_name = "kantor:asia-southeast2:utama" }
  }
  expect_failures = [var.database]
}

run "created_in_a_network" {
  command = plan
  variables {
    database                = { create = {} }
    network                 = { network = "n", subnetwork = "s" }
    database_admin_password = "pengelola-rahasia-123"
  }
  expect_failures = [var.database]
}

run "tls_unverified" {
  command = plan
  variables {
    database = { host = "a", tls = "skip-verify" }
  }
  expect_failures = [var.database]
}

run "tls_off" {
  command = plan
  variables {
    database = { host = "db.example.sch.id", tls = "false" }
  }
  expect_failures = [var.database]
}

run "tls_that_gives_way" {
  command = plan
  variables {
    database = { host = "db.example.sch.id", tls = "preferred" }
  }
  expect_failures = [var.database]
}

run "authority_of_nobody" {
  command = plan
  variables {
    database = { host = "db.example.sch.id", tls = "verify-ca" }
  }
  expect_failures = [var.database]
}

run "authority_by_file_name" {
  command = plan
  variables {
    database = { host = "db.example.sch.id", ca_certificate = "ca.pem" }
  }
  expect_failures = [var.database]
}

run "private_without_network" {
  command = plan
  variables {
    database = { host = "172.20.1.1" }
  }
  expect_failures = [var.database]
}

run "alerts_for_nobody" {
  command = plan
  variables {
    alert_email = ""
  }
  expect_failures = [var.alerts]
}

run "database_name_quoted" {
  command = plan
  variables {
    database = { host = "a", name = "x`y" }
  }
  expect_failures = [var.database]
}

run "database_port" {
  command = plan
  variables {
    database = { host = "a", port = 70000 }
  }
  expect_failures = [var.database]
}

run "tier_of_another_engine" {
  command = plan
  variables {
    database                = { create = { tier = "e2-small" } }
    database_admin_password = "pengelola-rahasia-123"
  }
  expect_failures = [var.database]
}

run "disk_too_small" {
  command = plan
  variables {
    database                = { create = { disk_gb = 5 } }
    database_admin_password = "pengelola-rahasia-123"
  }
  expect_failures = [var.database]
}

run "created_without_administrator" {
  command = plan
  variables {
    database = { create = {} }
  }
  expect_failures = [var.database_admin_password]
}

run "image_of_elsewhere" {
  command = plan
  variables {
    migrate                 = { image = "pengingat:latest" }
    database_admin_password = "pengelola-rahasia-123"
  }
  expect_failures = [var.migrate]
}

run "image_without_tag" {
  command = plan
  variables {
    migrate                 = { image = "asia-southeast2-docker.pkg.dev/p/pengingat/pengingat" }
    database_admin_password = "pengelola-rahasia-123"
  }
  expect_failures = [var.migrate]
}

run "source_as_option" {
  command = plan
  variables {
    migrate                 = { image = "asia-southeast2-docker.pkg.dev/p/r/i:1", source = "--print" }
    database_admin_password = "pengelola-rahasia-123"
  }
  expect_failures = [var.migrate]
}
