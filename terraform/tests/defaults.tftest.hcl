# What one gets with the least that one can say: an existing Cloud SQL instance, one mail server, somebody who gets the alerts.

mock_provider "google" {
  mock_data "google_sql_database_instance" {
    defaults = { private_ip_address = "10.1.2.3", server_ca_cert = [{ cert = "-----BEGIN CERTIFICATE-----", common_name = "", create_time = "", expiration_time = "", sha1_fingerprint = "" }] }
  }
  mock_resource "google_cloudfunctions2_function" {
    defaults = { service_config = { uri = "https://pengingat-abc-et.a.run.app" } }
  }
  mock_resource "google_service_account" {
    defaults = { member = "serviceAccount:mock@example.iam.gserviceaccount.com" }
  }
}

variables {
  project_id        = "perpustakaan-mtsn6"
  archive           = "tests/archive.txt"
  mail_from_address = "perpustakaan@example.sch.id"
  smtp              = { host = "smtp.example.sch.id", username = "perpustakaan" }
  mail_password     = "mail-rahasia-123"
  database_password = "basis-data-rahasia-123"
  database          = { connection_name = "perpustakaan-mtsn6:asia-southeast2:utama" }
  network           = { network = "kantor", subnetwork = "kantor-jakarta" }
  alert_email       = "pustakawan@example.sch.id"

  # Not used here; but terraform test wants every ephemeral variable said.
  sendgrid_api_key        = ""
  imap_password           = ""
  database_admin_password = ""
}

# Told apart from the mock's default, so that "the scheduler's account" means something.
override_resource {
  target = google_service_account.scheduler
  values = {
    email  = "pengingat-scheduler@perpustakaan-mtsn6.iam.gserviceaccount.com"
    member = "serviceAccount:pengingat-scheduler@perpustakaan-mtsn6.iam.gserviceaccount.com"
  }
}

override_resource {
  target = google_secret_manager_secret_version.value
  values = { version = "1" }
}

run "function" {
  assert {
    condition     = google_cloudfunctions2_function.reminders.location == "asia-southeast2" && google_cloudfunctions2_function.reminders.name == "pengingat"
    error_message = "The function is pengingat in Jakarta."
  }
  assert {
    condition     = google_cloudfunctions2_function.reminders.build_config[0].runtime == "go126" && google_cloudfunctions2_function.reminders.build_config[0].entry_point == "SendReminders"
    error_message = "The function is SendReminders on Go 1.26."
  }
  assert {
    condition     = google_cloudfunctions2_function.reminders.build_config[0].environment_variables["GOOGLE_GOLDFLAGS"] == "-s -w"
    error_message = "The binary is built without symbols: a third smaller, and sooner loaded."
  }
  assert {
    condition     = google_cloudfunctions2_function.reminders.service_config[0].ingress_settings == "ALLOW_INTERNAL_ONLY"
    error_message = "Nobody outside the project may reach the function."
  }
  assert {
    condition     = google_cloudfunctions2_function.reminders.service_config[0].max_instance_request_concurrency == 1 && google_cloudfunctions2_function.reminders.service_config[0].max_instance_count == 1 && google_cloudfunctions2_function.reminders.service_config[0].min_instance_count == 0
    error_message = "One run at a time, and nothing between two runs."
  }
  assert {
    condition     = google_storage_bucket_object.source.name == "pengingat-function-${substr(filesha256("tests/archive.txt"), 0, 16)}.zip"
    error_message = "The archive's name must tell what is in it, or a change builds nothing."
  }
  assert {
    condition     = google_storage_bucket.source.public_access_prevention == "enforced" && google_storage_bucket.source.uniform_bucket_level_access
    error_message = "The source is private."
  }
}

run "environment" {
  assert {
    condition     = google_cloudfunctions2_function.reminders.service_config[0].environment_variables["DB_HOST"] == "10.1.2.3" && google_cloudfunctions2_function.reminders.service_config[0].environment_variables["DB_TLS"] == "verify-ca"
    error_message = "An existing Cloud SQL instance is reached at its private address, with TLS that is verified."
  }
  assert {
    condition     = google_cloudfunctions2_function.reminders.service_config[0].direct_vpc_egress == "VPC_EGRESS_PRIVATE_RANGES_ONLY" && google_cloudfunctions2_function.reminders.service_config[0].direct_vpc_network_interface[0].subnetwork == "kantor-jakarta"
    error_message = "The function stands in the given network, and mail goes straight out."
  }
  assert {
    condition     = google_cloudfunctions2_function.reminders.service_config[0].environment_variables["APP_TIMEZONE"] == "Asia/Jakarta" && google_cloudfunctions2_function.reminders.service_config[0].environment_variables["MAIL_PORT"] == "587"
    error_message = "The defaults are Jakarta and STARTTLS."
  }
  assert {
    condition     = toset([for s in google_cloudfunctions2_function.reminders.service_config[0].secret_environment_variables : s.key]) == toset(["DB_PASSWORD", "MAIL_PASSWORD"])
    error_message = "The function gets the two secrets that it needs."
  }
  assert {
    condition     = alltrue([for s in google_cloudfunctions2_function.reminders.service_config[0].secret_environment_variables : s.version == "1"])
    error_message = "Secrets are pinned to a version, never \"latest\"."
  }
  assert {
    condition     = length(setintersection(keys(google_cloudfunctions2_function.reminders.service_config[0].environment_variables), ["DB_PASSWORD", "MAIL_PASSWORD", "SENDGRID_API_KEY", "MAIL_OAUTH_TOKEN", "IMAP_PASSWORD"])) == 0
    error_message = "No secret among the plain variables."
  }
}

run "schedule" {
  assert {
    condition     = { for key, job in google_cloud_scheduler_job.run : key => job.schedule } == { hourly = "17 * * * *", daily = "0 7 * * *" }
    error_message = "Hourly at an odd minute, and at 07:00."
  }
  assert {
    condition     = alltrue([for job in google_cloud_scheduler_job.run : job.time_zone == "Asia/Jakarta" && job.http_target[0].http_method == "POST" && job.retry_config[0].retry_count == 3])
    error_message = "Jakarta's time, POST, three retries."
  }
  assert {
    condition     = alltrue([for job in google_cloud_scheduler_job.run : job.http_target[0].oidc_token[0].service_account_email == google_service_account.scheduler.email && job.http_target[0].oidc_token[0].audience == job.http_target[0].uri])
    error_message = "The call carries the scheduler's identity, made for this function."
  }
  # budget < function < attempt < lease, as they arrive where they are obeyed.
  assert {
    condition = (
      tonumber(trimsuffix(google_cloudfunctions2_function.reminders.service_config[0].environment_variables["REMINDER_BUDGET"], "s")) <
      google_cloudfunctions2_function.reminders.service_config[0].timeout_seconds
    )
    error_message = "A run must end its work before the platform's timeout."
  }
  assert {
    condition = alltrue([for job in google_cloud_scheduler_job.run :
      google_cloudfunctions2_function.reminders.service_config[0].timeout_seconds < tonumber(trimsuffix(job.attempt_deadline, "s")) &&
    tonumber(trimsuffix(job.attempt_deadline, "s")) < tonumber(trimsuffix(google_cloudfunctions2_function.reminders.service_config[0].environment_variables["REMINDER_LEASE"], "s"))])
    error_message = "Cloud Scheduler must wait longer than the function can run, and a lease must outlast both."
  }
}

run "rights" {
  assert {
    condition     = google_cloud_run_v2_service_iam_binding.invoker.role == "roles/run.invoker" && google_cloud_run_v2_service_iam_binding.invoker.members == toset(["serviceAccount:pengingat-scheduler@perpustakaan-mtsn6.iam.gserviceaccount.com"])
    error_message = "The scheduler's account is the only one that may call."
  }
  assert {
    condition     = toset([for role in [google_project_iam_member.build_logs, google_project_iam_member.build_source] : role.role]) == toset(["roles/logging.logWriter", "roles/storage.objectViewer"])
    error_message = "Roles in the project: the build's log and the build's source."
  }
  assert {
    condition     = google_artifact_registry_repository_iam_member.build.role == "roles/artifactregistry.writer" && alltrue([for grant in google_secret_manager_secret_iam_member.run : grant.role == "roles/secretmanager.secretAccessor"])
    error_message = "The other roles are on one resource each."
  }
  assert {
    condition     = length(google_service_account.migrate) == 0 && length(google_cloud_run_v2_job.migrate) == 0
    error_message = "Without an image there is no migration, and nobody who could run one."
  }
}

run "alerts_on" {
  assert {
    condition     = toset(keys(google_monitoring_alert_policy.watch)) == toset(["no_run", "stopped", "held", "undelivered", "late", "refused_calls"]) && length(google_monitoring_dashboard.reminders) == 1
    error_message = "Six alerts and a dashboard by default."
  }
  # A condition of another kind, or one that is validated, fails in the first apply: the metric was made a second ago.
  assert {
    condition = alltrue([for alert in google_monitoring_alert_policy.watch : alltrue([for c in alert.conditions :
      length(c.condition_threshold) + length(c.condition_absent) + length(c.condition_matched_log) + length(c.condition_monitoring_query_language) == 0 &&
    one(c.condition_prometheus_query_language).disable_metric_validation])])
    error_message = "No alert may need a metric that exists already."
  }
  assert {
    condition = alltrue([for alert in google_monitoring_alert_policy.watch : alltrue([for name in
      regexall("user_pengingat_([a-z_]+)", alert.conditions[0].condition_prometheus_query_language[0].query) :
    contains(keys(google_logging_metric.counter), name[0])])])
    error_message = "An alert counts what no metric counts."
  }
  assert {
    condition     = strcontains(google_monitoring_alert_policy.watch["stopped"].conditions[0].condition_prometheus_query_language[0].query, "> 1.5 unless")
    error_message = "One failure that the next call mends wakes nobody."
  }
  assert {
    condition     = alltrue([for key, alert in google_monitoring_alert_policy.watch : fileexists("../docs/runbooks/${replace(key, "_", "-")}.md") && strcontains(alert.documentation[0].content, "/docs/runbooks/${replace(key, "_", "-")}.md")])
    error_message = "Each alert has its runbook, and a link to it."
  }
  assert {
    condition     = length(jsondecode(google_monitoring_dashboard.reminders["on"].dashboard_json).mosaicLayout.tiles) == 8
    error_message = "The dashboard has eight charts."
  }
}

run "receivers" {
  variables {
    notification_channels = ["projects/perpustakaan-mtsn6/notificationChannels/123"]
  }
  assert {
    condition     = google_monitoring_notification_channel.email["on"].labels["email_address"] == "pustakawan@example.sch.id"
    error_message = "The address becomes a channel."
  }
  assert {
    condition     = alltrue([for alert in google_monitoring_alert_policy.watch : length(alert.notification_channels) == 2])
    error_message = "Every alert goes to both."
  }
}

run "alerts_off" {
  variables {
    alerts      = false
    alert_email = ""
  }
  assert {
    condition = length(concat(
      values(google_monitoring_alert_policy.watch), values(google_monitoring_dashboard.reminders),
      values(google_logging_metric.counter), values(google_logging_metric.number), values(google_monitoring_notification_channel.email),
    )) == 0
    error_message = "Nothing is watched."
  }
}

run "many_at_once" {
  variables {
    scheduler_parallelism = 3
  }
  assert {
    condition     = { for key, job in google_cloud_scheduler_job.run : key => job.schedule if startswith(key, "hourly") } == { hourly = "17 * * * *", hourly-2 = "17 * * * *", hourly-3 = "17 * * * *" }
    error_message = "Three jobs at the same minute."
  }
  assert {
    condition     = length(google_cloud_scheduler_job.run) == 6 && google_cloudfunctions2_function.reminders.service_config[0].max_instance_count == 3
    error_message = "The daily run has as many, and each has an instance."
  }
}

run "secrets_never_outputs" {
  assert {
    condition = !anytrue([for secret in ["mail-rahasia-123", "basis-data-rahasia-123"] :
    strcontains(jsonencode([output.function_url, output.database_host, output.database_instance, output.images, output.accounts, output.commands, output.dashboard]), secret)])
    error_message = "An output tells a secret."
  }
  assert {
    condition     = alltrue([for version in google_secret_manager_secret_version.value : version.secret_data_wo == null && version.secret_data == null && version.secret_data_wo_version == 1])
    error_message = "The state holds a secret."
  }
}

run "rotation" {
  variables {
    secret_generations = { MAIL_PASSWORD = 2 }
  }
  assert {
    condition     = google_secret_manager_secret_version.value["MAIL_PASSWORD"].secret_data_wo_version == 2 && google_secret_manager_secret_version.value["DB_PASSWORD"].secret_data_wo_version == 1
    error_message = "Only the secret that was counted up is replaced."
  }
}

run "sendgrid" {
  variables {
    mailer           = "sendgrid"
    smtp             = null
    sendgrid_api_key = "SG.rahasia"
    settings         = { MAIL_DAILY_LIMIT = "400", REMINDER_WINDOW = "06:30-17:00" }
  }
  assert {
    condition     = toset([for s in google_cloudfunctions2_function.reminders.service_config[0].secret_environment_variables : s.key]) == toset(["DB_PASSWORD", "SENDGRID_API_KEY"]) && !contains(keys(google_cloudfunctions2_function.reminders.service_config[0].environment_variables), "MAIL_HOST")
    error_message = "SendGrid needs its key and no mail server."
  }
  assert {
    condition     = google_cloudfunctions2_function.reminders.service_config[0].environment_variables["MAIL_DAILY_LIMIT"] == "400" && google_cloudfunctions2_function.reminders.service_config[0].environment_variables["REMINDER_WINDOW"] == "06:30-17:00"
    error_message = "Other settings arrive."
  }
}

# What came back is read with the login that sends, or with one of its own.
run "feedback" {
  variables {
    settings = { MAIL_FEEDBACK = "imap" }
  }
  assert {
    condition     = google_cloudfunctions2_function.reminders.service_config[0].environment_variables["MAIL_FEEDBACK"] == "imap" && toset([for s in google_cloudfunctions2_function.reminders.service_config[0].secret_environment_variables : s.key]) == toset(["DB_PASSWORD", "MAIL_PASSWORD"])
    error_message = "The login that sends needs no further secret."
  }
}

run "feedback_of_another_account" {
  variables {
    settings           = { MAIL_FEEDBACK = "imap", IMAP_HOST = "imap.example.sch.id", IMAP_USERNAME = "kembali@example.sch.id" }
    imap_password      = "kotak-rahasia-123"
    secret_generations = { IMAP_PASSWORD = 2 }
  }
  assert {
    condition     = toset([for s in google_cloudfunctions2_function.reminders.service_config[0].secret_environment_variables : s.key]) == toset(["DB_PASSWORD", "MAIL_PASSWORD", "IMAP_PASSWORD"]) && google_secret_manager_secret.secret["IMAP_PASSWORD"].secret_id == "pengingat-imap-password" && google_secret_manager_secret_iam_member.run["IMAP_PASSWORD"].role == "roles/secretmanager.secretAccessor"
    error_message = "The mailbox's password is a secret that the function may read."
  }
  assert {
    condition     = google_secret_manager_secret_version.value["IMAP_PASSWORD"].secret_data_wo == null && google_secret_manager_secret_version.value["IMAP_PASSWORD"].secret_data_wo_version == 2 && !strcontains(jsonencode([google_cloudfunctions2_function.reminders.service_config[0].environment_variables, output.commands]), "kotak-rahasia-123")
    error_message = "It is in no state, variable or output."
  }
}

run "relay_without_password" {
  variables {
    smtp          = { host = "relay.example.sch.id", port = 465 }
    mail_password = ""
  }
  assert {
    condition     = toset(keys(google_secret_manager_secret.secret)) == toset(["DB_PASSWORD"])
    error_message = "A relay without login has no secret."
  }
}
