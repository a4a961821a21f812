# Every validation refuses what it should, at plan, before anything is made. The first run shows that the rest of what the others
# say is right.

mock_provider "google" {}

variables {
  project_id        = "perpustakaan-mtsn6"
  archive           = "tests/archive.txt"
  mail_from_address = "perpustakaan@example.sch.id"
  smtp              = { host = "smtp.example.sch.id" }
  database_password = "basis-data-rahasia-123"
  database          = { host = "db.example.sch.id" }
}

run "accepted" {
  command = plan
}

run "project_number" {
  command = plan
  variables {
    project_id = "123456789"
  }
  expect_failures = [var.project_id]
}

run "region_with_zone" {
  command = plan
  variables {
    region = "asia-southeast2-a"
  }
  expect_failures = [var.region]
}

run "name_with_space" {
  command = plan
  variables {
    name = "Pengingat Buku"
  }
  expect_failures = [var.name]
}

run "name_too_long" {
  command = plan
  variables {
    name = "pengingat-perpustakaan-mtsn-6"
  }
  expect_failures = [var.name]
}

run "label_in_capitals" {
  command = plan
  variables {
    labels = { Sekolah = "mtsn6" }
  }
  expect_failures = [var.labels]
}

run "no_archive" {
  command = plan
  variables {
    archive = "tests/none.zip"
  }
  expect_failures = [var.archive]
}

run "no_library" {
  command = plan
  variables {
    library_name = " "
  }
  expect_failures = [var.library_name]
}

run "locale_unknown" {
  command = plan
  variables {
    locale = "jv"
  }
  expect_failures = [var.locale]
}

run "zone_abbreviated" {
  command = plan
  variables {
    time_zone = "WIB"
  }
  expect_failures = [var.time_zone]
}

run "zone_as_offset" {
  command = plan
  variables {
    time_zone = "+07:00"
  }
  expect_failures = [var.time_zone]
}

run "schedule_in_words" {
  command = plan
  variables {
    reminder_schedule = "daily"
  }
  expect_failures = [var.reminder_schedule]
}

run "schedule_repeats_twice" {
  command = plan
  variables {
    reminder_schedule = "0,+1,+7"
  }
  expect_failures = [var.reminder_schedule]
}

run "secret_among_settings" {
  command = plan
  variables {
    settings = { DB_PASSWORD = "x" }
  }
  expect_failures = [var.settings]
}

run "setting_unknown" {
  command = plan
  variables {
    settings = { REMINDER_SHEDULE = "0" }
  }
  expect_failures = [var.settings]
}

run "setting_with_own_variable" {
  command = plan
  variables {
    settings = { REMINDER_LEASE = "1s" }
  }
  expect_failures = [var.settings]
}

run "mailer_file" {
  command = plan
  variables {
    mailer = "file"
  }
  expect_failures = [var.mailer]
}

run "sender_with_name" {
  command = plan
  variables {
    mail_from_address = "Perpustakaan <p@example.sch.id>"
  }
  expect_failures = [var.mail_from_address]
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

run "password_short" {
  command = plan
  variables {
    database_password = "rahasia"
  }
  expect_failures = [var.database_password]
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

run "generation_of_nothing" {
  command = plan
  variables {
    secret_generations = { MAIL_PASWORD = 2 }
  }
  expect_failures = [var.secret_generations]
}

run "generation_zero" {
  command = plan
  variables {
    secret_generations = { MAIL_PASSWORD = 0 }
  }
  expect_failures = [var.secret_generations]
}

run "cron_minute_60" {
  command = plan
  variables {
    schedules = { hourly = "60 * * * *" }
  }
  expect_failures = [var.schedules]
}

run "cron_six_fields" {
  command = plan
  variables {
    schedules = { hourly = "0 17 * * * *" }
  }
  expect_failures = [var.schedules]
}

run "cron_in_words" {
  command = plan
  variables {
    schedules = { daily = "every day 07:00" }
  }
  expect_failures = [var.schedules]
}

run "cron_hour_24" {
  command = plan
  variables {
    schedules = { daily = "0 24 * * *" }
  }
  expect_failures = [var.schedules]
}

run "no_runs" {
  command = plan
  variables {
    scheduler_parallelism = 0
  }
  expect_failures = [var.scheduler_parallelism]
}

run "half_a_run" {
  command = plan
  variables {
    scheduler_parallelism = 1.5
  }
  expect_failures = [var.scheduler_parallelism]
}

run "retries_6" {
  command = plan
  variables {
    retry_count = 6
  }
  expect_failures = [var.retry_count]
}

run "retries_negative" {
  command = plan
  variables {
    retry_count = -1
  }
  expect_failures = [var.retry_count]
}

run "budget_above_function" {
  command = plan
  variables {
    seconds = { budget = 600 }
  }
  expect_failures = [var.seconds]
}

run "function_above_attempt" {
  command = plan
  variables {
    seconds = { function = 660 }
  }
  expect_failures = [var.seconds]
}

run "attempt_above_lease" {
  command = plan
  variables {
    seconds = { attempt = 900 }
  }
  expect_failures = [var.seconds]
}

run "attempt_above_limit" {
  command = plan
  variables {
    seconds = { attempt = 1801, lease = 3600 }
  }
  expect_failures = [var.seconds]
}

run "budget_zero" {
  command = plan
  variables {
    seconds = { budget = 0 }
  }
  expect_failures = [var.seconds]
}

run "seconds_and_a_half" {
  command = plan
  variables {
    seconds = { budget = 240.5 }
  }
  expect_failures = [var.seconds]
}

run "memory_without_unit" {
  command = plan
  variables {
    function_size = { memory = "256" }
  }
  expect_failures = [var.function_size]
}

run "cpu_3" {
  command = plan
  variables {
    function_size = { cpu = "3" }
  }
  expect_failures = [var.function_size]
}

run "receiver_without_domain" {
  command = plan
  variables {
    alert_email = "pustakawan"
  }
  expect_failures = [var.alert_email]
}

run "channel_by_number" {
  command = plan
  variables {
    notification_channels = ["123"]
  }
  expect_failures = [var.notification_channels]
}

run "refused_negative" {
  command = plan
  variables {
    refused_calls_an_hour = -1
  }
  expect_failures = [var.refused_calls_an_hour]
}

run "runbooks_over_http" {
  command = plan
  variables {
    runbooks = "http://example.org/runbooks"
  }
  expect_failures = [var.runbooks]
}

