# What is watched comes from two logs: the one line that every run writes (reminder.Report, as package setup's handler renders
# it), and the platform's line for each request. A test of the repository holds the field names here against a real line.

locals {
  watched = var.alerts ? { on = true } : {}

  from_function = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"${var.name}\""
  runs          = "${local.from_function} AND jsonPayload.message=\"run\" AND jsonPayload.dry_run=false"
  requests      = "${local.from_function} AND log_id(\"run.googleapis.com/requests\")"

  # Lines that are counted. Alerts and the dashboard name them by their keys.
  counters = {
    alive = {
      description = "Runs that did what they should: work, or nothing because the library is closed or a person paused it"
      filter      = "${local.runs} AND (jsonPayload.outcome=(\"done\" OR \"partial\" OR \"closed\" OR \"held\") OR (jsonPayload.outcome=\"paused\" AND jsonPayload.reason=\"person\"))"
    }
    stopped = {
      description = "Runs that stopped, and requests that ended in an error or in the platform's timeout; 503 only says that work is left"
      filter      = "(${local.runs} AND jsonPayload.outcome=\"stopped\") OR (${local.requests} AND httpRequest.status=(500 OR 502 OR 504))"
    }
    held = {
      description = "Runs that hold back until a person approves"
      filter      = "${local.runs} AND jsonPayload.outcome=\"held\""
    }
    undelivered = {
      description = "Runs in which an email failed for good or its outcome stayed unknown"
      filter      = "${local.runs} AND (jsonPayload.emails.failed>0 OR jsonPayload.emails.unknown>0)"
    }
    late = {
      description = "Runs after which an email had waited for more than a day"
      filter      = "${local.runs} AND jsonPayload.oldest_waiting_seconds>=86400"
    }
    refused_calls = {
      description = "Calls that the platform refused: without a token, with a wrong one, or from outside"
      filter      = "${local.requests} AND httpRequest.status=(401 OR 403 OR 404)"
    }
  }

  # Numbers in the line of a run. Each line is one point of a distribution, so that its mean and sum are exact.
  numbers = {
    sent        = { field = "jsonPayload.emails.sent", unit = "1", description = "Emails accepted by the mail server" }
    refused     = { field = "jsonPayload.emails.refused", unit = "1", description = "Emails refused for good" }
    waiting     = { field = "jsonPayload.emails.waiting", unit = "1", description = "Emails that wait after the run" }
    duration_ms = { field = "jsonPayload.duration_ms", unit = "ms", description = "How long the run took" }
  }

  channels = concat(var.notification_channels, [for channel in google_monitoring_notification_channel.email : channel.name])

  alive = "${local.prom.alive}{monitored_resource=\"cloud_run_revision\"}[3h]"

  # Each has a page in docs/runbooks/ of its key's name, with hyphens.
  alerts = {
    stopped = {
      title     = "a run stopped or failed"
      severity  = "ERROR"
      threshold = 0
      text      = "A run could not do its work: the database, the mail server or the configuration. Nothing is lost; the next run goes on where this one stopped."
    }
    held = {
      title     = "a run waits for a person's approval"
      severity  = "ERROR"
      threshold = 0
      text      = "A run planned unusually many emails, or the records look as if they came from a backup. Nothing is sent until somebody looks."
    }
    undelivered = {
      title     = "emails failed or have an unknown outcome"
      severity  = "WARNING"
      threshold = 0
      text      = "Some emails were given up after their last try, or may or may not have been sent."
    }
    late = {
      title     = "emails have waited for more than a day"
      severity  = "WARNING"
      threshold = 0
      text      = "More is promised than is sent: a pause of the mail provider, a daily limit, or runs that end before their work."
    }
    refused_calls = {
      title     = "more refused calls than usual"
      severity  = "WARNING"
      threshold = var.refused_calls_an_hour
      text      = "Somebody calls the function without being allowed to. They were refused."
    }
  }
}

resource "google_logging_metric" "counter" {
  for_each = { for key, counter in local.counters : key => counter if var.alerts }

  name        = "${var.name}/${each.key}"
  description = each.value.description
  filter      = each.value.filter

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    unit        = "1"
  }

  depends_on = [google_project_service.needed]
}

resource "google_logging_metric" "number" {
  for_each = { for key, number in local.numbers : key => number if var.alerts }

  name            = "${var.name}/${each.key}"
  description     = each.value.description
  filter          = local.runs
  value_extractor = "EXTRACT(${each.value.field})"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "DISTRIBUTION"
    unit        = each.value.unit
  }

  bucket_options {
    exponential_buckets {
      num_finite_buckets = 24
      growth_factor      = 2
      scale              = 1
    }
  }

  depends_on = [google_project_service.needed]
}

resource "google_monitoring_notification_channel" "email" {
  for_each = { for key, on in local.watched : key => on if var.alert_email != "" }

  display_name = "${var.name}: alerts"
  type         = "email"
  labels       = { email_address = var.alert_email }

  depends_on = [google_project_service.needed]
}

# The absence of success. In PromQL, because a metric-absence condition begins to watch only after the first success, and a
# function that never ran once would be forgotten. Runs at night and on closed days count as alive, so three hours without one
# are three hours without one, at any time.
resource "google_monitoring_alert_policy" "no_run" {
  for_each = local.watched

  display_name          = "${var.name}: no successful run for 3 hours"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = local.channels
  user_labels           = local.labels

  conditions {
    display_name = "no line of a successful run in 3 hours"

    condition_prometheus_query_language {
      query                     = "sum(increase(${local.alive})) < 0.5 or absent_over_time(${local.alive})"
      duration                  = "0s"
      evaluation_interval       = "300s"
      disable_metric_validation = true # until the first run nobody knows the metric
    }
  }

  documentation {
    subject   = "${var.name}: no successful run for 3 hours"
    mime_type = "text/markdown"
    content   = "No run has succeeded for three hours, so nobody is reminded. Runbook: ${var.runbooks}/no-run.md"

    links {
      display_name = "Runbook"
      url          = "${var.runbooks}/no-run.md"
    }
  }

  alert_strategy {
    auto_close = "86400s"
  }

  depends_on = [google_logging_metric.counter]
}

resource "google_monitoring_alert_policy" "counted" {
  for_each = { for key, alert in local.alerts : key => alert if var.alerts }

  display_name          = "${var.name}: ${each.value.title}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = local.channels
  user_labels           = local.labels

  conditions {
    display_name = local.counters[each.key].description

    condition_threshold {
      filter          = "resource.type = \"cloud_run_revision\" AND metric.type = \"logging.googleapis.com/user/${var.name}/${each.key}\""
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.threshold

      # Without a line for an hour it is over. Saying so takes a duration of a minute or more.
      duration                = "60s"
      evaluation_missing_data = "EVALUATION_MISSING_DATA_INACTIVE"

      aggregations {
        alignment_period     = "3600s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  documentation {
    subject   = "${var.name}: ${each.value.title}"
    mime_type = "text/markdown"
    content   = "${each.value.text} Runbook: ${var.runbooks}/${replace(each.key, "_", "-")}.md"

    links {
      display_name = "Runbook"
      url          = "${var.runbooks}/${replace(each.key, "_", "-")}.md"
    }
  }

  alert_strategy {
    auto_close = "86400s"
  }

  depends_on = [google_logging_metric.counter]
}
