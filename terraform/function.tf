# The function is built from source by the platform. Of the two resources that could say so, google_cloud_run_v2_service has the
# better fields (the unix socket of Cloud SQL among them), but its build_config only records a build: nothing in it starts one
# (provider issues 22263 and 23057). google_cloudfunctions2_function does build. It has no field for the socket, so the function
# reaches Cloud SQL at its private address, through direct egress into the network: no connector that costs money while idle, and
# no database on the Internet. The service behind it is a Cloud Run service like any other.

locals {
  environment = { for key, value in merge(
    local.database_tls,
    {
      APP_NAME             = var.library_name
      APP_LOCALE           = var.locale
      APP_TIMEZONE         = var.time_zone
      DB_HOST              = local.database_host
      DB_PORT              = tostring(var.database.port)
      DB_DATABASE          = var.database.name
      DB_USERNAME          = var.database.user
      MAIL_MAILER          = var.mailer
      MAIL_FROM_ADDRESS    = var.mail_from_address
      REMINDER_SCHEDULE    = var.reminder_schedule
      REMINDER_BUDGET      = "${var.seconds.budget}s"
      REMINDER_LEASE       = "${var.seconds.lease}s"
      LOG_FORMAT           = "json"
      GOOGLE_CLOUD_PROJECT = var.project_id # log lines lead to their request
    },
    var.mailer != "smtp" ? {} : {
      MAIL_HOST     = var.smtp.host
      MAIL_PORT     = tostring(var.smtp.port)
      MAIL_USERNAME = var.smtp.username
      # Port 465 is TLS whatever this says; on every other port it asks for STARTTLS, also of a server on a private address.
      MAIL_ENCRYPTION = "tls"
    },
    var.settings,
  ) : key => value if value != "" }
}

resource "google_storage_bucket" "source" {
  name     = "${var.project_id}-${var.name}-source"
  location = var.region

  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = true # the archives in it can be built again from the repository

  depends_on = [google_project_service.needed]
}

# The name says what is in it. `make package` writes the same bytes for the same commit, so an apply without a change of the
# source builds nothing, and one with a change cannot fail to.
resource "google_storage_bucket_object" "source" {
  bucket = google_storage_bucket.source.name
  name   = "pengingat-function-${substr(filesha256(var.archive), 0, 16)}.zip"
  source = var.archive
}

resource "google_artifact_registry_repository" "images" {
  location      = var.region
  repository_id = var.name
  format        = "DOCKER"
  description   = "Images of the reminders: the function's, and the program's for migrations"

  # Enough to go back, not enough to cost anything.
  cleanup_policies {
    id     = "keep-the-last"
    action = "KEEP"
    most_recent_versions {
      keep_count = 5
    }
  }
  cleanup_policies {
    id     = "delete-the-old"
    action = "DELETE"
    condition {
      older_than = "2592000s"
    }
  }

  depends_on = [google_project_service.needed]
}

resource "google_cloudfunctions2_function" "reminders" {
  name        = var.name
  location    = var.region
  description = "E-mails to borrowers whose books are due"

  build_config {
    runtime           = "go126"
    entry_point       = "SendReminders"
    service_account   = google_service_account.build.id
    docker_repository = google_artifact_registry_repository.images.id

    # Without symbols and debug information the binary is a third smaller. Panics are reported by type and place all the same.
    environment_variables = { GOOGLE_GOLDFLAGS = "-s -w" }

    source {
      storage_source {
        bucket = google_storage_bucket.source.name
        object = google_storage_bucket_object.source.name
      }
    }

    automatic_update_policy {}
  }

  service_config {
    service_account_email          = google_service_account.run.email
    ingress_settings               = "ALLOW_INTERNAL_ONLY" # Cloud Scheduler of the same project counts as internal
    all_traffic_on_latest_revision = true
    timeout_seconds                = var.seconds.function
    available_cpu                  = var.function_size.cpu
    available_memory               = var.function_size.memory

    # One run an instance, and no more instances than runs. A courtesy to the database: what keeps two runs from sending the
    # same email is the outbox.
    max_instance_request_concurrency = 1
    min_instance_count               = 0
    max_instance_count               = var.scheduler_parallelism

    environment_variables = local.environment

    dynamic "secret_environment_variables" {
      for_each = local.function_secrets

      content {
        key        = secret_environment_variables.key
        project_id = var.project_id
        secret     = google_secret_manager_secret.secret[secret_environment_variables.key].secret_id
        version    = google_secret_manager_secret_version.value[secret_environment_variables.key].version
      }
    }

    direct_vpc_egress = local.interface == null ? null : "VPC_EGRESS_PRIVATE_RANGES_ONLY" # mail goes straight out

    dynamic "direct_vpc_network_interface" {
      for_each = local.interface == null ? [] : [local.interface]

      content {
        network    = direct_vpc_network_interface.value.network
        subnetwork = direct_vpc_network_interface.value.subnetwork
      }
    }
  }

  # Without these rights the first build or start fails.
  depends_on = [
    google_artifact_registry_repository_iam_member.build,
    google_project_iam_member.build_logs,
    google_project_iam_member.build_source,
    google_project_service.needed,
    google_secret_manager_secret_iam_member.run,
  ]
}
