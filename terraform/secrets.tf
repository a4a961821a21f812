# The values come from ephemeral variables through write-only arguments: they are in no state, plan or output. The function gets
# pinned versions: a value that is replaced is taken into use by a new revision, never in the middle.

locals {
  # By the environment key under which the program reads them; DB_ADMIN_PASSWORD is the migrations' DB_PASSWORD.
  function_secrets = toset(concat(
    ["DB_PASSWORD"],
    var.mailer == "sendgrid" ? ["SENDGRID_API_KEY"] : try(var.smtp.username, "") != "" ? ["MAIL_PASSWORD"] : [],
    # A mailbox with a login of its own; another one is read with the login that sends.
    lookup(var.settings, "MAIL_FEEDBACK", "") == "imap" && lookup(var.settings, "IMAP_USERNAME", "") != "" ? ["IMAP_PASSWORD"] : [],
  ))
  secrets = setunion(local.function_secrets, var.migrate != null ? ["DB_ADMIN_PASSWORD"] : [])

  secret_values = {
    DB_PASSWORD       = var.database_password
    DB_ADMIN_PASSWORD = var.database_admin_password
    MAIL_PASSWORD     = var.mail_password
    SENDGRID_API_KEY  = var.sendgrid_api_key
    IMAP_PASSWORD     = var.imap_password
  }
}

resource "google_secret_manager_secret" "secret" {
  for_each = local.secrets

  secret_id = "${var.name}-${lower(replace(each.key, "_", "-"))}"

  # In the library's region and nowhere else.
  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }

  depends_on = [google_project_service.needed]
}

resource "google_secret_manager_secret_version" "value" {
  for_each = local.secrets

  secret                 = google_secret_manager_secret.secret[each.key].id
  secret_data_wo         = local.secret_values[each.key]
  secret_data_wo_version = lookup(var.secret_generations, each.key, 1)

  # The old value is switched off and not destroyed, so that a wrong new one can be taken back.
  deletion_policy = "DISABLE"

  lifecycle {
    # The old value must last until the new revision is there.
    create_before_destroy = true
  }
}
