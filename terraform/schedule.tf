# Cloud Scheduler calls at least once, sometimes more than once, and at its own pace. The function does not mind.

locals {
  jobs = {
    for pair in setproduct(["hourly", "daily"], range(var.scheduler_parallelism)) :
    (pair[1] == 0 ? pair[0] : "${pair[0]}-${pair[1] + 1}") => var.schedules[pair[0]]
  }
}

resource "google_cloud_scheduler_job" "run" {
  for_each = local.jobs

  name        = "${var.name}-${each.key}"
  region      = var.region
  description = "A run of the reminders"
  schedule    = each.value
  time_zone   = var.time_zone

  # Longer than the function's timeout: when this gives up, the run is over, and the retry does not meet it.
  attempt_deadline = "${var.seconds.attempt}s"

  retry_config {
    retry_count          = var.retry_count
    min_backoff_duration = "60s"
    max_backoff_duration = "600s"
    max_doublings        = 3
    max_retry_duration   = "0s" # the count alone decides
  }

  http_target {
    http_method = "POST"
    uri         = google_cloudfunctions2_function.reminders.service_config[0].uri
    body        = base64encode("{}")
    headers     = { "Content-Type" = "application/json" }

    oidc_token {
      service_account_email = google_service_account.scheduler.email
      audience              = google_cloudfunctions2_function.reminders.service_config[0].uri
    }
  }

  depends_on = [google_cloud_run_v2_service_iam_binding.invoker]
}
