# The program beside the database, as two jobs: `pengingat migrate`, and the commands of the desk (status, failed, retry, closed,
# pause, run --approve). The function itself never changes the schema, and its image holds no program: the platform builds nothing
# but the function into it. So these run an image of their own, which docs/cloud.md builds from the same sources with one command.
# They work with an address that only the network knows; from a laptop one would need a tunnel to it.

resource "google_service_account" "migrate" {
  count = var.migrate != null ? 1 : 0

  account_id   = "${var.name}-migrate"
  display_name = "Migrations of the reminders: reads the administrator's password"

  depends_on = [google_project_service.needed]
}

resource "google_secret_manager_secret_iam_member" "migrate" {
  count = var.migrate != null ? 1 : 0

  secret_id = google_secret_manager_secret.secret["DB_ADMIN_PASSWORD"].id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.migrate[0].member
}

resource "google_cloud_run_v2_job" "migrate" {
  count = var.migrate != null ? 1 : 0

  name                = "${var.name}-migrate"
  location            = var.region
  deletion_protection = false # it holds nothing

  template {
    task_count = 1

    template {
      service_account = google_service_account.migrate[0].email
      timeout         = "600s"
      max_retries     = 0 # a person reads what went wrong first

      containers {
        image = var.migrate.image
        args  = concat(["migrate"], var.migrate.source == "" ? [] : ["--source", var.migrate.source])

        dynamic "env" {
          for_each = merge(local.database_tls, {
            APP_LOCALE  = var.locale
            DB_HOST     = local.database_host
            DB_PORT     = tostring(var.database.port)
            DB_DATABASE = var.database.name
            DB_USERNAME = var.migrate.user
            LOG_FORMAT  = "json"
          })

          content {
            name  = env.key
            value = env.value
          }
        }

        env {
          name = "DB_PASSWORD"
          value_source {
            secret_key_ref {
              secret  = google_secret_manager_secret.secret["DB_ADMIN_PASSWORD"].secret_id
              version = google_secret_manager_secret_version.value["DB_ADMIN_PASSWORD"].version
            }
          }
        }
      }

      dynamic "vpc_access" {
        for_each = local.interface == null ? [] : [local.interface]

        content {
          egress = "PRIVATE_RANGES_ONLY"
          network_interfaces {
            network    = vpc_access.value.network
            subnetwork = vpc_access.value.subnetwork
          }
        }
      }
    }
  }

  depends_on = [google_project_service.needed, google_secret_manager_secret_iam_member.migrate]
}

# Does what its arguments say, and is the function in every other respect.
resource "google_cloud_run_v2_job" "desk" {
  count = var.migrate != null ? 1 : 0

  name                = "${var.name}-desk"
  location            = var.region
  deletion_protection = false # it holds nothing

  template {
    task_count = 1

    template {
      service_account = google_service_account.run.email
      timeout         = "${var.seconds.function}s"
      max_retries     = 0

      containers {
        image = var.migrate.image
        args  = ["status"]

        dynamic "env" {
          for_each = merge(local.environment, { LOG_FILE = "/tmp/pengingat.log" }) # what a person asked for goes to the job's log

          content {
            name  = env.key
            value = env.value
          }
        }

        dynamic "env" {
          for_each = local.function_secrets

          content {
            name = env.key
            value_source {
              secret_key_ref {
                secret  = google_secret_manager_secret.secret[env.key].secret_id
                version = google_secret_manager_secret_version.value[env.key].version
              }
            }
          }
        }
      }

      dynamic "vpc_access" {
        for_each = local.interface == null ? [] : [local.interface]

        content {
          egress = "PRIVATE_RANGES_ONLY"
          network_interfaces {
            network    = vpc_access.value.network
            subnetwork = vpc_access.value.subnetwork
          }
        }
      }
    }
  }

  depends_on = [google_project_service.needed, google_secret_manager_secret_iam_member.run]
}
