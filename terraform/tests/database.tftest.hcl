# The three ways to the database, and the job that prepares it.

mock_provider "google" {
  mock_data "google_sql_database_instance" {
    defaults = { private_ip_address = "10.1.2.3", server_ca_cert = [{ cert = "-----BEGIN CERTIFICATE-----", common_name = "", create_time = "", expiration_time = "", sha1_fingerprint = "" }] }
  }
  mock_resource "google_sql_database_instance" {
    defaults = {
      private_ip_address = "10.9.9.9"
      connection_name    = "perpustakaan-mtsn6:asia-southeast2:pengingat-database"
      server_ca_cert     = [{ cert = "-----BEGIN CERTIFICATE-----", common_name = "", create_time = "", expiration_time = "", sha1_fingerprint = "" }]
    }
  }
  mock_resource "google_compute_network" {
    defaults = { id = "projects/perpustakaan-mtsn6/global/networks/pengingat" }
  }
  mock_resource "google_service_account" { # its default has the form that a binding's members must have
    defaults = { member = "serviceAccount:mock@example.iam.gserviceaccount.com" }
  }
  mock_resource "google_compute_subnetwork" {
    defaults = { id = "projects/perpustakaan-mtsn6/regions/asia-southeast2/subnetworks/pengingat" }
  }
}

variables {
  project_id              = "perpustakaan-mtsn6"
  archive                 = "tests/archive.txt"
  mail_from_address       = "perpustakaan@example.sch.id"
  smtp                    = { host = "smtp.example.sch.id" }
  database_password       = "basis-data-rahasia-123"
  database_admin_password = "pengelola-rahasia-123"
  alerts                  = false

  # Not used here; but terraform test wants every ephemeral variable said.
  mail_password    = ""
  sendgrid_api_key = ""
  imap_password    = ""
}

run "created" {
  variables {
    database = { create = {} }
  }
  assert {
    condition     = google_sql_database_instance.library[0].database_version == "MYSQL_8_4" && google_sql_database_instance.library[0].settings[0].edition == "ENTERPRISE" && google_sql_database_instance.library[0].settings[0].tier == "db-f1-micro"
    error_message = "MySQL 8.4 on the smallest machine."
  }
  assert {
    condition     = !google_sql_database_instance.library[0].settings[0].ip_configuration[0].ipv4_enabled && google_sql_database_instance.library[0].settings[0].ip_configuration[0].ssl_mode == "ENCRYPTED_ONLY" && google_sql_database_instance.library[0].settings[0].ip_configuration[0].private_network == google_compute_network.library[0].id
    error_message = "Private, and encrypted only."
  }
  assert {
    condition     = google_sql_database_instance.library[0].settings[0].backup_configuration[0].enabled && google_sql_database_instance.library[0].settings[0].backup_configuration[0].binary_log_enabled && google_sql_database_instance.library[0].settings[0].maintenance_window[0].day == 7
    error_message = "Backups, a point in time to go back to, and maintenance on Sunday."
  }
  assert {
    condition     = google_sql_database_instance.library[0].deletion_protection && google_sql_database_instance.library[0].settings[0].deletion_protection_enabled && google_sql_database.library[0].deletion_policy == "ABANDON"
    error_message = "A library's loans are not deleted by mistake."
  }
  assert {
    condition     = google_cloudfunctions2_function.reminders.service_config[0].environment_variables["DB_HOST"] == "10.9.9.9" && google_cloudfunctions2_function.reminders.service_config[0].direct_vpc_network_interface[0].network == google_compute_network.library[0].id
    error_message = "The function reaches it at its private address."
  }
  assert {
    condition     = google_cloudfunctions2_function.reminders.service_config[0].environment_variables["DB_TLS"] == "verify-ca" && google_cloudfunctions2_function.reminders.service_config[0].environment_variables["DB_CA_FILE"] == google_sql_database_instance.library[0].server_ca_cert[0].cert
    error_message = "Its own authority is verified."
  }
  assert {
    condition     = google_sql_user.admin[0].password_wo == null && google_sql_user.admin[0].password == null && google_sql_user.admin[0].password_wo_version == 1
    error_message = "The state holds the administrator's password."
  }
  assert {
    condition     = output.database_instance == "perpustakaan-mtsn6:asia-southeast2:pengingat-database"
    error_message = "One is told which instance."
  }
  assert {
    condition     = contains(keys(google_project_service.needed), "servicenetworking.googleapis.com") && contains(keys(google_project_service.needed), "sqladmin.googleapis.com")
    error_message = "The services that it needs are switched on."
  }
}

run "created_for_throwing_away" {
  variables {
    database = { create = { deletion_protection = false, high_availability = true, tier = "db-custom-2-7680", disk_gb = 50 } }
  }
  assert {
    condition     = !google_sql_database_instance.library[0].deletion_protection && google_sql_database.library[0].deletion_policy == "DELETE" && google_sql_database_instance.library[0].settings[0].availability_type == "REGIONAL"
    error_message = "What one says is done."
  }
}

run "existing" {
  variables {
    database = { connection_name = "example.org:kantor:asia-southeast2:utama", name = "slims", user = "ingat" }
    network  = { network = "kantor", subnetwork = "kantor-jakarta" }
  }
  assert {
    condition     = length(google_sql_database_instance.library) == 0 && length(google_compute_network.library) == 0 && length(google_sql_user.admin) == 0
    error_message = "Nothing is made beside an existing database."
  }
  assert {
    condition     = data.google_sql_database_instance.existing[0].project == "example.org:kantor" && data.google_sql_database_instance.existing[0].name == "utama"
    error_message = "The instance is found in its own project."
  }
  assert {
    condition     = google_cloudfunctions2_function.reminders.service_config[0].environment_variables["DB_DATABASE"] == "slims" && google_cloudfunctions2_function.reminders.service_config[0].environment_variables["DB_USERNAME"] == "ingat"
    error_message = "Name and user arrive."
  }
}

run "existing_without_private_address" {
  command = plan
  variables {
    database = { connection_name = "kantor:asia-southeast2:umum" }
    network  = { network = "kantor", subnetwork = "kantor-jakarta" }
  }
  override_data {
    target = data.google_sql_database_instance.existing
    values = { private_ip_address = "" }
  }
  expect_failures = [data.google_sql_database_instance.existing]
}

run "elsewhere" {
  variables {
    database = { host = "db.example.sch.id", port = 3307 }
  }
  assert {
    condition     = google_cloudfunctions2_function.reminders.service_config[0].environment_variables["DB_HOST"] == "db.example.sch.id" && google_cloudfunctions2_function.reminders.service_config[0].environment_variables["DB_PORT"] == "3307" && google_cloudfunctions2_function.reminders.service_config[0].environment_variables["DB_TLS"] == "true"
    error_message = "A database on the Internet is reached with TLS that is verified."
  }
  assert {
    condition     = !contains(keys(google_cloudfunctions2_function.reminders.service_config[0].environment_variables), "DB_CA_FILE")
    error_message = "An authority that everybody knows need not be named."
  }
  assert {
    condition     = length(google_cloudfunctions2_function.reminders.service_config[0].direct_vpc_network_interface) == 0 && !contains(keys(google_project_service.needed), "compute.googleapis.com")
    error_message = "No network where none is needed."
  }
}

run "elsewhere_with_a_certificate_of_its_own" {
  variables {
    database = { host = "10.20.30.40", tls = "verify-ca", ca_certificate = "-----BEGIN CERTIFICATE-----\nMII\n" }
    network  = { network = "kantor", subnetwork = "kantor-jakarta" }
    migrate  = { image = "asia-southeast2-docker.pkg.dev/perpustakaan-mtsn6/pengingat/pengingat:v1" }
  }
  assert {
    condition     = google_cloudfunctions2_function.reminders.service_config[0].environment_variables["DB_TLS"] == "verify-ca" && startswith(google_cloudfunctions2_function.reminders.service_config[0].environment_variables["DB_CA_FILE"], "-----BEGIN CERTIFICATE-----")
    error_message = "The authority arrives as text, because the function has no files."
  }
  assert {
    condition     = anytrue([for e in google_cloud_run_v2_job.migrate[0].template[0].template[0].containers[0].env : e.name == "DB_CA_FILE"])
    error_message = "The migrations verify it, too."
  }
}

run "migrate" {
  variables {
    database = { create = {} }
    migrate  = { image = "asia-southeast2-docker.pkg.dev/perpustakaan-mtsn6/pengingat/pengingat:v1", source = "slims", user = "pengelola" }
  }
  assert {
    condition     = google_cloud_run_v2_job.migrate[0].template[0].template[0].containers[0].args == tolist(["migrate", "--source", "slims"]) && google_cloud_run_v2_job.migrate[0].template[0].template[0].max_retries == 0
    error_message = "The job migrates for the source, once."
  }
  assert {
    condition     = anytrue([for e in google_cloud_run_v2_job.migrate[0].template[0].template[0].containers[0].env : e.name == "DB_USERNAME" && e.value == "pengelola"]) && google_sql_user.admin[0].name == "pengelola"
    error_message = "The job is the administrator of the database that was created."
  }
  assert {
    condition     = google_cloud_run_v2_job.migrate[0].template[0].template[0].vpc_access[0].network_interfaces[0].network == google_compute_network.library[0].id
    error_message = "The job stands in the database's network."
  }
  assert {
    condition     = toset(keys(google_secret_manager_secret.secret)) == toset(["DB_PASSWORD", "DB_ADMIN_PASSWORD"]) && toset(keys(google_secret_manager_secret_iam_member.run)) == toset(["DB_PASSWORD"])
    error_message = "The function cannot read the administrator's password."
  }
  assert {
    condition = (
      tomap({ for e in google_cloud_run_v2_job.desk[0].template[0].template[0].containers[0].env : e.name => e.value if e.name != "LOG_FILE" && length(e.value_source) == 0 }) ==
      tomap(google_cloudfunctions2_function.reminders.service_config[0].environment_variables)
    )
    error_message = "The desk has the function's settings."
  }
  assert {
    condition     = google_cloud_run_v2_job.desk[0].template[0].template[0].service_account == google_service_account.run.email && google_cloud_run_v2_job.migrate[0].template[0].template[0].service_account == google_service_account.migrate[0].email
    error_message = "The desk has the function's rights; only migrations have the administrator's."
  }
  assert {
    condition     = strcontains(output.commands["migrate"], "gcloud run jobs execute pengingat-migrate")
    error_message = "One is told how to run it."
  }
}

run "migrate_tables_only" {
  variables {
    database = { host = "db.example.sch.id" }
    migrate  = { image = "asia-southeast2-docker.pkg.dev/perpustakaan-mtsn6/pengingat/pengingat@sha256:0", source = "" }
  }
  assert {
    condition     = google_cloud_run_v2_job.migrate[0].template[0].template[0].containers[0].args == tolist(["migrate"])
    error_message = "Without a source there is no view."
  }
}
