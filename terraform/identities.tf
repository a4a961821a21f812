# Three accounts, and a fourth for migrations where there is a job for them. None has a role in the project that it could have on
# one resource. Nobody's key is ever made.

resource "google_service_account" "run" {
  account_id   = "${var.name}-run"
  display_name = "The reminders: reads two secrets and connects to the database"

  depends_on = [google_project_service.needed]
}

resource "google_service_account" "scheduler" {
  account_id   = "${var.name}-scheduler"
  display_name = "The clock of the reminders: may call the function and nothing else"

  depends_on = [google_project_service.needed]
}

resource "google_service_account" "build" {
  account_id   = "${var.name}-build"
  display_name = "Builds the reminders' function"

  depends_on = [google_project_service.needed]
}

# The only ones who may call. A binding is the whole list: whoever is added by hand is removed by the next apply.
resource "google_cloud_run_v2_service_iam_binding" "invoker" {
  location = var.region
  name     = google_cloudfunctions2_function.reminders.name
  role     = "roles/run.invoker"
  members  = [google_service_account.scheduler.member]
}

resource "google_artifact_registry_repository_iam_member" "build" {
  location   = google_artifact_registry_repository.images.location
  repository = google_artifact_registry_repository.images.name
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.build.member
}

resource "google_project_iam_member" "build_logs" {
  project = var.project_id
  role    = "roles/logging.logWriter"
  member  = google_service_account.build.member
}

# The platform copies the archive into a bucket of its own, whose name it chooses, and builds from there.
resource "google_project_iam_member" "build_source" {
  project = var.project_id
  role    = "roles/storage.objectViewer"
  member  = google_service_account.build.member

  condition {
    title      = "Sources of functions"
    expression = "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-\") || resource.name.startsWith(\"projects/_/buckets/${google_storage_bucket.source.name}\")"
  }
}

resource "google_secret_manager_secret_iam_member" "run" {
  for_each = local.function_secrets

  secret_id = google_secret_manager_secret.secret[each.key].id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.run.member
}
