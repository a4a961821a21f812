output "function_url" {
  description = "The function's address. Only Cloud Scheduler gets an answer from it."
  value       = google_cloudfunctions2_function.reminders.service_config[0].uri
}

output "database_host" {
  description = "Where the function finds the database."
  value       = local.database_host
}

output "database_instance" {
  description = "The Cloud SQL instance that was created, for gcloud sql and for the console; empty when an existing database is used."
  value       = one(google_sql_database_instance.library[*].connection_name)
}

output "images" {
  description = "Where images go, for building the program's."
  value       = "${var.region}-docker.pkg.dev/${var.project_id}/${google_artifact_registry_repository.images.repository_id}"
}

output "accounts" {
  description = "Who does what, for rights on what lies outside this project."
  value = {
    run       = google_service_account.run.email
    scheduler = google_service_account.scheduler.email
    build     = google_service_account.build.email
    migrate   = one(google_service_account.migrate[*].email)
  }
}

output "commands" {
  description = "What one does next."
  value = merge(
    {
      run  = "gcloud scheduler jobs run ${google_cloud_scheduler_job.run["hourly"].name} --project=${var.project_id} --location=${var.region}"
      look = "gcloud logging read '${local.runs}' --project=${var.project_id} --freshness=1d --limit=5 --format=json"
      stop = join(" && ", [for job in google_cloud_scheduler_job.run : "gcloud scheduler jobs pause ${job.name} --project=${var.project_id} --location=${var.region}"])
    },
    var.migrate == null ? {} : {
      desk    = "gcloud run jobs execute ${google_cloud_run_v2_job.desk[0].name} --project=${var.project_id} --region=${var.region} --wait --args=status"
      answer  = "gcloud logging read 'resource.type=\"cloud_run_job\" AND resource.labels.job_name=\"${google_cloud_run_v2_job.desk[0].name}\"' --project=${var.project_id} --freshness=10m --order=asc --format='value(textPayload)'"
      migrate = "gcloud run jobs execute ${google_cloud_run_v2_job.migrate[0].name} --project=${var.project_id} --region=${var.region} --wait"
    },
  )
}

output "dashboard" {
  description = "The dashboard's name; the console lists it under Monitoring, Dashboards."
  value       = one([for dashboard in google_monitoring_dashboard.reminders : dashboard.id])
}
