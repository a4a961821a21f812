locals {
  # The instance of connection_name; its project may have a domain in it (example.org:project).
  existing = var.database.connection_name == null ? null : {
    project = join(":", slice(split(":", var.database.connection_name), 0, length(split(":", var.database.connection_name)) - 2))
    name    = reverse(split(":", var.database.connection_name))[0]
  }

  database_host = (
    var.database.host != null ? var.database.host :
    var.database.create != null ? google_sql_database_instance.library[0].private_ip_address :
    data.google_sql_database_instance.existing[0].private_ip_address
  )

  # The certificate of Cloud SQL names the instance and not its address, and is signed by an authority that the instance has
  # for itself. So it is this authority that is verified. A database somewhere else is verified by its name, too.
  database_tls = {
    DB_TLS = coalesce(var.database.tls, var.database.host != null ? "true" : "verify-ca")
    DB_CA_FILE = (
      var.database.host != null ? var.database.ca_certificate : nonsensitive( # a certificate is no secret
        var.database.create != null ? google_sql_database_instance.library[0].server_ca_cert[0].cert :
        data.google_sql_database_instance.existing[0].server_ca_cert[0].cert
      )
    )
  }

  # Where the function and the migrations stand in the private network.
  interface = var.database.create == null ? var.network : {
    network    = google_compute_network.library[0].id
    subnetwork = google_compute_subnetwork.library[0].id
  }
}

data "google_sql_database_instance" "existing" {
  count = local.existing != null ? 1 : 0

  project = local.existing.project
  name    = local.existing.name

  lifecycle {
    postcondition {
      condition     = self.private_ip_address != ""
      error_message = "The instance has no private address. Give it one in var.network (gcloud sql instances patch … --network=…), or use deploy/cloud/deploy.sh, which connects through its socket."
    }
  }
}

resource "google_compute_network" "library" {
  count = var.database.create != null ? 1 : 0

  name                    = var.name
  auto_create_subnetworks = false

  depends_on = [google_project_service.needed]
}

resource "google_compute_subnetwork" "library" {
  count = var.database.create != null ? 1 : 0

  name          = var.name
  region        = var.region
  network       = google_compute_network.library[0].id
  ip_cidr_range = "10.26.0.0/24" # room for 100 instances; each takes two addresses

  private_ip_google_access = true
}

resource "google_compute_global_address" "database" {
  count = var.database.create != null ? 1 : 0

  name          = "${var.name}-database"
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  prefix_length = 24
  network       = google_compute_network.library[0].id
}

resource "google_service_networking_connection" "database" {
  count = var.database.create != null ? 1 : 0

  network                 = google_compute_network.library[0].id
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.database[0].name]
  deletion_policy         = "ABANDON" # Google releases it days after the instance is gone; the network can go before
}

resource "google_sql_database_instance" "library" {
  count = var.database.create != null ? 1 : 0

  name                = "${var.name}-database"
  region              = var.region
  database_version    = "MYSQL_8_4"
  deletion_protection = var.database.create.deletion_protection

  settings {
    tier                        = var.database.create.tier
    edition                     = "ENTERPRISE" # 8.4 would default to ENTERPRISE_PLUS, whose smallest machine costs many times more
    availability_type           = var.database.create.high_availability ? "REGIONAL" : "ZONAL"
    disk_type                   = "PD_SSD"
    disk_size                   = var.database.create.disk_gb
    disk_autoresize             = true
    deletion_protection_enabled = var.database.create.deletion_protection # against the console and gcloud too
    retain_backups_on_delete    = true
    user_labels                 = local.labels

    ip_configuration {
      ipv4_enabled    = false
      private_network = google_compute_network.library[0].id
      ssl_mode        = "ENCRYPTED_ONLY"
    }

    # At 02:00 in Jakarta, when nothing is sent. The binary log is what a point in time is restored from.
    backup_configuration {
      enabled                        = true
      binary_log_enabled             = true
      start_time                     = "19:00"
      location                       = var.region
      transaction_log_retention_days = 7

      backup_retention_settings {
        retained_backups = 14
      }
    }

    # Sunday 20:00 UTC is Monday 03:00 in Jakarta.
    maintenance_window {
      day          = 7
      hour         = 20
      update_track = "stable"
    }
  }

  depends_on = [google_service_networking_connection.database]
}

resource "google_sql_database" "library" {
  count = var.database.create != null ? 1 : 0

  name     = var.database.name
  instance = google_sql_database_instance.library[0].name
  charset  = "utf8mb4"

  # The loans are in it.
  deletion_policy = var.database.create.deletion_protection ? "ABANDON" : "DELETE"
}

# Who may create tables, for the migrations. Cloud SQL gives every user that is made this way nearly all rights, so the everyday
# user is not made here but by deploy/grants.sql.
resource "google_sql_user" "admin" {
  count = var.database.create != null ? 1 : 0

  name                = try(var.migrate.user, "pengingat_admin")
  host                = "%"
  instance            = google_sql_database_instance.library[0].name
  password_wo         = var.database_admin_password
  password_wo_version = lookup(var.secret_generations, "DB_ADMIN_PASSWORD", 1)
}
